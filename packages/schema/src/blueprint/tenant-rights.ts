import { sql } from "kysely";
import { quoteLiteral } from "../identifier.ts";
import type { AnyKysely } from "./define.ts";

/** Holds the role's name while a blueprint's script runs: a script is the same for all tenants, so it can't say it. */
export const ROLE_SETTING = "tenantry.role";

/** Sets what `revokeFromTenant` looks up, until the transaction ends. */
export function roleSettingScript(role: string): string {
  return `SET LOCAL ${ROLE_SETTING} = ${quoteLiteral(role)};\n`;
}

/**
 * For migrations: takes rights on a table from the tenant's role, which has SELECT, INSERT, UPDATE and DELETE on every
 * table from the moment that it is made.
 *
 * @param rights as in REVOKE: `ALL`, `INSERT, UPDATE, DELETE`
 * @param table unqualified, one of the blueprint's own
 */
export async function revokeFromTenant(db: AnyKysely, rights: string, table: string): Promise<void> {
  await sql
    .raw(
      `do $$ begin execute format('revoke ${rights} on %I from %I', ${quoteLiteral(table)}, current_setting('${ROLE_SETTING}')); end $$`,
    )
    .execute(db);
}
