import { type CompiledBlueprint, ledgerRowsScript } from "../blueprint/compile.ts";
import type { Queryable } from "../pool.ts";
import { UnknownMigrationsError } from "./errors.ts";

/**
 * Brings a schema that was just loaded to its blueprint's current version. In the transaction that loaded it, before it gets
 * another name: the schema alone is on the path, and the role's name is set.
 *
 * @param ledger the migrations that the snapshot's own ledger holds
 * @throws UnknownMigrationsError when it holds some that this build doesn't know; the driver's error.
 */
export async function migrateLoaded(
  client: Queryable,
  { blueprint, migrations }: CompiledBlueprint,
  ledger: readonly string[],
): Promise<void> {
  const applied = new Set(ledger);
  const pending = migrations.filter(({ name }) => !applied.delete(name));
  if (applied.size > 0) throw new UnknownMigrationsError(blueprint.name, [...applied]);
  if (pending.length === 0) return;
  const names = pending.map(({ name }) => name);
  // What waits to be checked would stand in the way of ALTER TABLE.
  await client.query(
    `SET CONSTRAINTS ALL IMMEDIATE;\n${pending.map(({ sql }) => sql).join("")}${ledgerRowsScript(names, new Date())}SET CONSTRAINTS ALL IMMEDIATE;\n`,
  );
}
