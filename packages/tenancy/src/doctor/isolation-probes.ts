import { CONTROL_SCHEMA, quoteIdentifier } from "@tenantry/schema";

/** One hole that a probe found: who or what, and whatever else its sentences need. */
export interface Hole {
  readonly subject: string;
  readonly object: string;
  readonly right: string;
  /** Whose it is or should be, where the mend has to name him. */
  readonly owner?: string;
}

/** A question to a placement whose answer should be empty. */
export interface IsolationProbe {
  readonly check: string;
  /** What no answer means. */
  readonly fine: string;
  /**
   * Rows of `Hole`. $1 and $2 are the tenants' schemas and roles, in the same order; $3 and $4 the gateways' logins and
   * their keepers.
   */
  readonly query: string;
  readonly detail: (hole: Hole) => string;
  readonly mend: (hole: Hole) => string;
  /** True when Tenantry's own login may do what `mend` says, and nobody can depend on its not being done. */
  readonly fixable: boolean;
}

const TENANTS = "unnest($1::text[], $2::text[]) AS tenant(schema, role)";
const GATEWAYS = "unnest($3::text[], $4::text[]) AS gateway(login, keeper)";
const CLOSED = `('${CONTROL_SCHEMA}', 'tenantry_queue')`;
/** Rows of an access list, with names; 0 is PUBLIC. */
const grantee = (acl: string) =>
  `coalesce(nullif(pg_get_userbyid(${acl}.grantee), 'unknown (OID=0)'), 'PUBLIC')`;
const name = (role: string) => (role === "PUBLIC" ? role : quoteIdentifier(role));

/** Every way that rights could have come to somebody who must not have them. */
export const ISOLATION_PROBES: readonly IsolationProbe[] = [
  {
    check: "powers",
    fine: "no login, gateway or tenant's role has powers over the server",
    query: `
      SELECT rolname AS subject, '' AS object, power AS right FROM pg_roles,
        LATERAL unnest(ARRAY[
          CASE WHEN rolsuper THEN 'SUPERUSER' END, CASE WHEN rolbypassrls THEN 'BYPASSRLS' END,
          CASE WHEN rolreplication THEN 'REPLICATION' END,
          CASE WHEN rolcreaterole AND rolname <> current_user THEN 'CREATEROLE' END,
          CASE WHEN rolcreatedb AND rolname <> current_user THEN 'CREATEDB' END,
          CASE WHEN rolinherit AND rolname <> current_user THEN 'INHERIT' END]) AS power
      WHERE power IS NOT NULL AND (rolname = current_user OR rolname = ANY ($2) OR rolname = ANY ($3))`,
    detail: ({ subject, right }) => `Role ${subject} has ${right}`,
    mend: ({ subject, right }) => `ALTER ROLE ${name(subject)} NO${right};`,
    fixable: false,
  },
  {
    check: "memberships",
    fine: "nobody but its gateway and its keeper is a member of a tenant's role",
    query: `
      SELECT member.rolname AS subject, role.rolname AS object, '' AS right
      FROM pg_auth_members AS m JOIN pg_roles AS role ON role.oid = m.roleid JOIN pg_roles AS member ON member.oid = m.member
      WHERE (role.rolname = ANY ($2) OR role.rolname = ANY ($3))
        AND member.rolname <> ALL ($3) AND member.rolname <> ALL ($4)
        AND member.rolname <> current_user AND NOT member.rolsuper`,
    detail: ({ subject, object }) => `Role ${subject} is a member of ${object}, and can act as it`,
    mend: ({ subject, object }) => `REVOKE ${name(object)} FROM ${name(subject)};`,
    fixable: false,
  },
  {
    check: "groups",
    fine: "no tenant's role and no gateway is a member of anything else",
    query: `
      SELECT member.rolname AS subject, role.rolname AS object, '' AS right
      FROM pg_auth_members AS m JOIN pg_roles AS role ON role.oid = m.roleid JOIN pg_roles AS member ON member.oid = m.member
      WHERE (member.rolname = ANY ($2)) OR (member.rolname = ANY ($3) AND role.rolname <> ALL ($2))`,
    detail: ({ subject, object }) =>
      `Role ${subject} is a member of ${object}, and has or may take its rights`,
    mend: ({ subject, object }) => `REVOKE ${name(object)} FROM ${name(subject)};`,
    fixable: false,
  },
  {
    check: "schemas",
    fine: "each tenant's schema is open to its own role alone",
    query: `
      SELECT ${grantee("acl")} AS subject, nspname AS object, acl.privilege_type AS right
      FROM ${TENANTS} JOIN pg_namespace ON nspname = tenant.schema, aclexplode(nspacl) AS acl
      WHERE acl.grantee <> nspowner
        AND (acl.privilege_type <> 'USAGE' OR pg_get_userbyid(acl.grantee) <> tenant.role)`,
    detail: ({ subject, object, right }) => `${subject} has ${right} on schema ${object}`,
    mend: ({ subject, object, right }) =>
      `REVOKE ${right} ON SCHEMA ${quoteIdentifier(object)} FROM ${name(subject)};`,
    fixable: false,
  },
  {
    check: "owners",
    fine: "each tenant's schema belongs to Tenantry's login",
    query: `
      SELECT pg_get_userbyid(nspowner) AS subject, nspname AS object, '' AS right, current_user::text AS owner
      FROM ${TENANTS} JOIN pg_namespace ON nspname = tenant.schema WHERE pg_get_userbyid(nspowner) <> current_user`,
    detail: ({ subject, object }) => `Schema ${object} belongs to ${subject}`,
    mend: ({ object, owner = "" }) =>
      `ALTER SCHEMA ${quoteIdentifier(object)} OWNER TO ${quoteIdentifier(owner)};`,
    fixable: false,
  },
  {
    check: "tables",
    fine: "tables and views are open to their tenant's role alone",
    query: `
      SELECT ${grantee("acl")} AS subject, format('%I.%I', nspname, relname) AS object, acl.privilege_type AS right
      FROM ${TENANTS} JOIN pg_namespace ON nspname = tenant.schema JOIN pg_class ON relnamespace = pg_namespace.oid,
        aclexplode(relacl) AS acl
      WHERE acl.grantee <> relowner AND (acl.grantee = 0 OR pg_get_userbyid(acl.grantee) <> tenant.role)`,
    detail: ({ subject, object, right }) =>
      `${subject} has ${right} on ${object}${subject === "PUBLIC" ? ": everybody sees its commonest values in pg_stats" : ""}`,
    mend: ({ subject, object, right }) => `REVOKE ${right} ON ${object} FROM ${name(subject)};`,
    fixable: false,
  },
  {
    check: "default privileges",
    fine: "what is made later is open to its tenant's role alone",
    query: `
      SELECT ${grantee("acl")} AS subject, nspname AS object, acl.privilege_type AS right,
        pg_get_userbyid(defaclrole) AS owner
      FROM ${TENANTS} JOIN pg_namespace ON nspname = tenant.schema
        JOIN pg_default_acl ON defaclnamespace = pg_namespace.oid, aclexplode(defaclacl) AS acl
      WHERE acl.grantee <> defaclrole AND (acl.grantee = 0 OR pg_get_userbyid(acl.grantee) <> tenant.role)`,
    detail: ({ subject, object, right }) =>
      `Tables made later in schema ${object} give ${right} to ${subject}`,
    mend: ({ subject, object, right, owner = "" }) =>
      `ALTER DEFAULT PRIVILEGES FOR ROLE ${quoteIdentifier(owner)} IN SCHEMA ${quoteIdentifier(object)} REVOKE ${right} ON TABLES FROM ${name(subject)};`,
    fixable: false,
  },
  {
    check: "control schema",
    fine: "PUBLIC has no right in the control schema or the queue's",
    query: `
      SELECT 'PUBLIC' AS subject, format('SCHEMA %I', nspname) AS object, acl.privilege_type AS right
      FROM pg_namespace, aclexplode(nspacl) AS acl WHERE nspname IN ${CLOSED} AND acl.grantee = 0
      UNION ALL
      SELECT 'PUBLIC', format('%I.%I', nspname, relname), acl.privilege_type
      FROM pg_namespace JOIN pg_class ON relnamespace = pg_namespace.oid, aclexplode(relacl) AS acl
      WHERE nspname IN ${CLOSED} AND acl.grantee = 0`,
    detail: ({ object, right }) => `PUBLIC has ${right} on ${object}`,
    mend: ({ object, right }) => `REVOKE ${right} ON ${object} FROM PUBLIC;`,
    fixable: true,
  },
  {
    check: "other schemas",
    fine: "gateways and tenants have no other schema open to them",
    query: `
      SELECT subject, nspname AS object, 'USAGE' AS right
      FROM pg_namespace, LATERAL (
        SELECT role FROM ${TENANTS} WHERE tenant.schema <> nspname AND has_schema_privilege(role, pg_namespace.oid, 'USAGE')
        UNION ALL
        SELECT login FROM ${GATEWAYS} WHERE has_schema_privilege(login, pg_namespace.oid, 'USAGE')
      ) AS open(subject)
      WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' AND nspname <> ALL ($1)
        AND EXISTS (SELECT FROM pg_roles WHERE rolname = subject)`,
    detail: ({ subject, object }) => `Role ${subject} may use schema ${object}`,
    mend: ({ subject, object }) =>
      `REVOKE ALL ON SCHEMA ${quoteIdentifier(object)} FROM ${name(subject)}, PUBLIC;`,
    fixable: false,
  },
  {
    check: "functions",
    fine: "functions that run with their owner's rights have a path of their own, and nobody else may attach them",
    query: `
      SELECT 'PUBLIC' AS subject, p.oid::regprocedure::text AS object,
        CASE WHEN NOT coalesce(array_to_string(proconfig, ' ') ~ 'search_path=', false) THEN 'path' ELSE 'execute' END AS right
      FROM ${TENANTS} JOIN pg_namespace ON nspname = tenant.schema JOIN pg_proc AS p ON pronamespace = pg_namespace.oid
      WHERE prosecdef AND (NOT coalesce(array_to_string(proconfig, ' ') ~ 'search_path=', false)
        OR has_function_privilege('public', p.oid, 'EXECUTE'))`,
    detail: ({ object, right }) =>
      right === "path"
        ? `Function ${object} runs with its owner's rights on the caller's search_path`
        : `Function ${object} runs with its owner's rights, and everybody may call it`,
    mend: ({ object, right }) =>
      right === "path"
        ? `ALTER FUNCTION ${object} SET search_path = '';`
        : `REVOKE EXECUTE ON FUNCTION ${object} FROM PUBLIC;`,
    fixable: false,
  },
  {
    check: "search paths",
    fine: "no role and no database has a search_path or role of its own set",
    query: `
      SELECT coalesce(rolname, 'every role') AS subject, coalesce(datname, 'every database') AS object, setting AS right
      FROM pg_db_role_setting LEFT JOIN pg_roles ON pg_roles.oid = setrole LEFT JOIN pg_database ON pg_database.oid = setdatabase,
        unnest(setconfig) AS setting
      WHERE (setrole = 0 OR rolname = ANY ($2) OR rolname = ANY ($3)) AND (setdatabase = 0 OR datname = current_database())
        AND setting ~ '^(search_path|role|session_authorization)=' AND setting NOT IN ('search_path=', 'search_path=""')`,
    detail: ({ subject, object, right }) => `${subject} begins in ${object} with ${right}`,
    mend: ({ subject, object, right }) =>
      `ALTER ROLE ${subject === "every role" ? "ALL" : name(subject)}${object === "every database" ? "" : ` IN DATABASE ${quoteIdentifier(object)}`} RESET ${right.split("=")[0]};`,
    fixable: false,
  },
  {
    check: "gateways' size",
    fine: "no gateway has more tenants than keeps a change of role quick",
    query: `
      SELECT login AS subject, count(*)::text AS object, '' AS right
      FROM ${GATEWAYS} JOIN pg_roles ON rolname = login JOIN pg_auth_members ON member = pg_roles.oid
      GROUP BY login HAVING count(*) > 2 * $5::int`,
    detail: ({ subject, object }) => `Gateway ${subject} is a member of ${object} roles`,
    mend: ({ subject }) => `See who granted roles to ${subject} beside Tenantry, and revoke them.`,
    fixable: false,
  },
];
