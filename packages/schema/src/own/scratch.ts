import { randomBytes } from "node:crypto";
import { ledgerTablesScript } from "../blueprint/compile.ts";
import { roleSettingScript } from "../blueprint/tenant-rights.ts";
import { quoteIdentifier } from "../identifier.ts";
import type { PoolClient } from "../pool.ts";
import { MARKER_SCRIPT } from "../tenant/marker.ts";

/** A schema that is gone with its transaction. */
export interface Scratch {
  readonly schema: string;
  readonly role: string;
}

/**
 * Opens a transaction with a schema and a role such as a tenant has.
 *
 * @param ledger whether Kysely's own tables are in it
 * @param marker whether the table is in it that says whose a schema is
 */
export async function openScratch(
  client: PoolClient,
  { ledger, marker = false }: { readonly ledger: boolean; readonly marker?: boolean },
): Promise<Scratch> {
  const name = `check_${randomBytes(8).toString("hex")}`;
  const quoted = quoteIdentifier(name);
  await client.query(
    [
      "BEGIN;\n",
      `CREATE ROLE ${quoted} NOLOGIN;\nCREATE SCHEMA ${quoted};\nGRANT USAGE ON SCHEMA ${quoted} TO ${quoted};\n`,
      `SET LOCAL search_path = ${quoted};\n`,
      ledger ? ledgerTablesScript() : "",
      marker ? MARKER_SCRIPT : "",
      roleSettingScript(name),
      `ALTER DEFAULT PRIVILEGES IN SCHEMA ${quoted} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${quoted};\n`,
    ].join(""),
  );
  return { schema: name, role: name };
}
