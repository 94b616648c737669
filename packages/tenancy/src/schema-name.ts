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
  const [name] = await nextSchemaNames(transaction, blueprint, naming, [licenseKey]);
  if (name === undefined) throw new Error("one license key got no schema name");
  return name;
}

/** Schema names for several new tenants of one blueprint, in the order of their license keys: one step of the counter. */
export async function nextSchemaNames(
  transaction: ControlDatabase,
  blueprint: string,
  naming: SchemaNaming,
  licenseKeys: readonly string[],
): Promise<string[]> {
  if (naming.kind === "license-key") {
    return licenseKeys.map((key) => naming.prefix + key.toLowerCase().replaceAll("-", "_"));
  }
  const { length } = licenseKeys;
  const counter = await transaction
    .insertInto("schema_counters")
    .values({ blueprint, last: length })
    .onConflict((conflict) =>
      conflict.column("blueprint").doUpdateSet({ last: sql<number>`schema_counters.last + ${length}` }),
    )
    .returning("last")
    .executeTakeFirstOrThrow();
  const first = counter.last - length + 1;
  return licenseKeys.map((_, index) => naming.prefix + String(first + index).padStart(naming.digits, "0"));
}

/**
 * The role's name: roles belong to the whole server, so the schema's name alone could meet another installation's. The
 * end of the tenant's id is random (UUIDv7), its beginning is a time.
 */
export function roleName(schema: string, tenantId: string): string {
  const unique = tenantId.replaceAll("-", "").slice(-10);
  return `${schema.slice(0, 52)}_${unique}`;
}
