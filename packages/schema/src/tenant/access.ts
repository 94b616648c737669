import { LEDGER_LOCK_TABLE, LEDGER_TABLE } from "../blueprint/compile.ts";
import { quoteIdentifier, quoteLiteral } from "../identifier.ts";
import { createRoleScript, type Gateway } from "./gateway.ts";

export interface TenantAccess {
  readonly schema: string;
  readonly role: string;
  readonly gateway: Gateway;
}

/** Lets the gateway act as the role. For the role's administrator: its keeper, or a superuser. */
export function membershipStatement({ role, gateway }: Omit<TenantAccess, "schema">): string {
  return `GRANT ${quoteIdentifier(role)} TO ${quoteIdentifier(gateway.login)}`;
}

/** The same for Tenantry's own login, in one transaction. */
export function membershipScript(access: Omit<TenantAccess, "schema">): string {
  return `BEGIN;\nSET LOCAL ROLE ${quoteIdentifier(access.gateway.keeper)};\n${membershipStatement(access)};\nCOMMIT;\n`;
}

/** Makes a role that was lost again, with the rights that `provisionTenant` gives. */
export function lostRoleScript(access: TenantAccess): string {
  const { gateway, role } = access;
  return `BEGIN;\n${createRoleScript(gateway, role)}${tableRightsScript(access)}COMMIT;\n`;
}

/**
 * Gives the role its rights on the schema and on every table in it but Tenantry's own, now and by default. What a
 * migration had taken from it on a table of the blueprint's is given back too: there is no record of that.
 */
export function tableRightsScript({ schema, role }: TenantAccess): string {
  const names = { schema: quoteIdentifier(schema), role: quoteIdentifier(role) };
  const closed = [LEDGER_TABLE, LEDGER_LOCK_TABLE].map(quoteLiteral).join(", ");
  return `GRANT USAGE ON SCHEMA ${names.schema} TO ${names.role};
ALTER DEFAULT PRIVILEGES IN SCHEMA ${names.schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${names.role};
DO $rights$
DECLARE each regclass;
BEGIN
  FOR each IN
    SELECT class.oid FROM pg_depend AS depend JOIN pg_class AS class ON class.oid = depend.objid
    WHERE depend.refclassid = 'pg_namespace'::regclass AND depend.refobjid = ${quoteLiteral(names.schema)}::regnamespace
      AND depend.classid = 'pg_class'::regclass AND class.relkind IN ('r', 'p', 'v', 'm')
      AND class.relname NOT LIKE 'tenantry\\_%' AND class.relname NOT IN (${closed})
  LOOP
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO %I', each, ${quoteLiteral(role)});
  END LOOP;
END $rights$;
`;
}
