import type { ControlDatabase, SchemaNaming } from "@tenantry/schema";
import { sql } from "kysely";

/**
 * The schema's name for a new tenant. Names of the sequence kind are given in order, each once: the counter's row stays
 * locked until the caller's transaction ends, and a rollback gives the number back.
 */
export async function nextSchemaName(
  transaction: ControlDatabase,
  blueprint: string,
  naming: SchemaNaming,
  licenseKey: string,
): Promise<string> {
  if (naming.kind === "license-key") {
    return naming.prefix + licenseKey.toLowerCase().replaceAll("-", "_");
  }
  const counter = await transaction
    .insertInto("schema_counters")
    .values({ blueprint, last: 1 })
    .onConflict((conflict) =>
      conflict.column("blueprint").doUpdateSet({ last: sql<number>`schema_counters.last + 1` }),
    )
    .returning("last")
    .executeTakeFirstOrThrow();
  return naming.prefix + String(counter.last).padStart(naming.digits, "0");
}

/**
 * The role's name: roles belong to the whole server, so the schema's name alone could meet another installation's. The
 * end of the tenant's id is random (UUIDv7), its beginning is a time.
 */
export function roleName(schema: string, tenantId: string): string {
  const unique = tenantId.replaceAll("-", "").slice(-10);
  return `${schema.slice(0, 52)}_${unique}`;
}
