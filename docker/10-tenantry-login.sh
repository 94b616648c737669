#!/bin/sh
# Run once by the postgres image, on an empty volume: the login that Tenantry uses owns its database and may create
# roles, and is no superuser.
set -eu
psql --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --set=password="$TENANTRY_DB_PASSWORD" <<'SQL'
CREATE ROLE tenantry LOGIN CREATEROLE PASSWORD :'password';
CREATE DATABASE tenantry OWNER tenantry;
SQL
