import { WithSchemaPlugin } from "kysely";
import { recordStatements } from "../blueprint/record.ts";
import type { ControlDatabase } from "./database.ts";
import { CONTROL_SCHEMA } from "./migrate.ts";

/**
 * What `work` would execute on the control schema, as one text with its parameters as literals: to be sent with other
 * statements in one round trip.
 *
 * @throws BlueprintError when the work looks at an answer.
 */
export async function controlScript(work: (control: ControlDatabase) => Promise<unknown>): Promise<string> {
  const statements = await recordStatements(async (db) => {
    await work(db.withPlugin(new WithSchemaPlugin(CONTROL_SCHEMA)) as ControlDatabase);
  });
  return statements.map((statement) => `${statement};\n`).join("");
}
