import { quoteIdentifier, quoteLiteral } from "../identifier.ts";
import type { Gateway } from "./gateway.ts";

export interface Adoption {
  readonly schema: string;
  readonly role: string;
  readonly gateway: Gateway;
  /** Since PostgreSQL 16 (160000) a role's maker stays its administrator; before, membership can be taken back. */
  readonly serverVersion: number;
}

/**
 * Brings a tenant's rights into today's form (docs/adr/0011, 0012): its gateway acts as its role, its keeper
 * administers it, and what PUBLIC had on the tables, now and by default, the role has by itself. One transaction;
 * may run again.
 */
export function adoptTenantScript({ schema, role, gateway, serverVersion }: Adoption): string {
  const names = {
    schema: quoteIdentifier(schema),
    role: quoteIdentifier(role),
    login: quoteIdentifier(gateway.login),
    keeper: quoteIdentifier(gateway.keeper),
  };
  const defaults = `ALTER DEFAULT PRIVILEGES IN SCHEMA ${names.schema}`;
  return [
    "BEGIN;\n",
    `GRANT ${names.role} TO ${names.login};\nGRANT ${names.role} TO ${names.keeper} WITH ADMIN OPTION;\n`,
    serverVersion < 160_000 ? `REVOKE ${names.role} FROM CURRENT_USER;\n` : "",
    `GRANT USAGE ON SCHEMA ${names.schema} TO ${names.role};\n`,
    `${defaults} REVOKE ALL ON TABLES FROM PUBLIC;\n`,
    `${defaults} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${names.role};\n`,
    `DO $adopt$
DECLARE each record;
BEGIN
  FOR each IN
    SELECT c.oid::regclass AS name, string_agg(acl.privilege_type, ', ') AS rights
    FROM pg_class AS c, aclexplode(c.relacl) AS acl
    WHERE c.relnamespace = ${quoteLiteral(names.schema)}::regnamespace AND acl.grantee = 0
    GROUP BY c.oid
  LOOP
    EXECUTE format('GRANT %s ON %s TO %I', each.rights, each.name, ${quoteLiteral(role)});
    EXECUTE format('REVOKE ALL ON %s FROM PUBLIC', each.name);
  END LOOP;
END $adopt$;
`,
    "COMMIT;\n",
  ].join("");
}
