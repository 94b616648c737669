/** What values look like must not depend on how the database or its login is set up. */
export const PLAIN_OUTPUT = [
  "SET LOCAL client_encoding = 'UTF8'",
  "SET LOCAL datestyle = 'ISO, YMD'",
  "SET LOCAL intervalstyle = postgres",
  "SET LOCAL timezone = 'UTC'",
  "SET LOCAL bytea_output = hex",
  "SET LOCAL extra_float_digits = 1",
  "SET LOCAL lc_monetary = 'C'",
  "SET LOCAL xmloption = content",
  "SET LOCAL standard_conforming_strings = on",
  "SET LOCAL quote_all_identifiers = off",
  "SET LOCAL row_security = off",
  // A scan that joins another's in the middle would give the rows in another order.
  "SET LOCAL synchronize_seqscans = off",
].join("; ");

/**
 * A snapshot takes as long as its tables are large. Of PostgreSQL's own limits only those stay that end with a lost client:
 * one whose machine is gone is missed within a minute.
 */
export const PATIENCE = [
  "SET LOCAL statement_timeout = 0",
  "SET LOCAL idle_in_transaction_session_timeout = '30min'",
  "SET LOCAL tcp_keepalives_idle = 20",
  "SET LOCAL tcp_keepalives_interval = 10",
  "SET LOCAL tcp_keepalives_count = 4",
].join("; ");
