import { type CompiledBlueprint, ledgerRowsScript } from "../blueprint/compile.ts";
import { quoteLiteral } from "../identifier.ts";
import { type Pool, withClient } from "../pool.ts";
import type { Gateway } from "./gateway.ts";
import { MARKER_TABLE } from "./marker.ts";
import { foundationScript, lockName } from "./provision.ts";

export interface SpareInput {
  readonly id: string;
  readonly schema: string;
  readonly role: string;
  /** Must be there: see `ensureGateway`. */
  readonly gateway: Gateway;
  readonly blueprint: CompiledBlueprint;
  /** Asked once, with the name locked and before anything is written. A `false` rolls back and leaves nothing. */
  readonly mayProceed: () => Promise<boolean>;
}

/**
 * Makes a schema that no tenant has yet: all of a tenant but its own part of the seed, the role's way in, and its name.
 * One transaction, as `provisionTenant`. The marker names the spare in a tenant's place.
 *
 * @returns false when `mayProceed` said no, or a schema of that name is there
 * @throws the driver's error when a statement fails; the transaction is rolled back.
 */
export async function provisionSpare(pool: Pool, input: SpareInput): Promise<boolean> {
  const { id, blueprint } = input;
  const marker = [id, id, "", blueprint.blueprint.name].map(quoteLiteral);
  const script = [
    foundationScript(input),
    ledgerRowsScript(
      blueprint.migrations.map((migration) => migration.name),
      new Date(),
    ),
    `INSERT INTO ${MARKER_TABLE} (tenant_id, operation_id, license_key, blueprint) VALUES (${marker.join(", ")});\n`,
    "COMMIT;\n",
  ].join("");
  return withClient(pool, async (client) => {
    if ((await lockName(client, input.schema)) || !(await input.mayProceed())) {
      await client.query("ROLLBACK");
      return false;
    }
    await client.query(script);
    return true;
  });
}
