import {
  type CompiledBlueprint,
  compileSeed,
  ledgerRowsScript,
  ledgerTablesScript,
} from "../blueprint/compile.ts";
import type { SeedInput } from "../blueprint/define.ts";
import { roleSettingScript } from "../blueprint/tenant-rights.ts";
import { quoteIdentifier, quoteLiteral } from "../identifier.ts";
import { type Pool, type PoolClient, type QueryResult, withClient } from "../pool.ts";
import { SQLSTATE, sqlState } from "../sqlstate.ts";
import { ADVISORY_LOCK_SPACE } from "./advisory-lock.ts";
import { createRoleScript, type Gateway } from "./gateway.ts";
import { MARKER_SCRIPT, MARKER_TABLE, readMarker } from "./marker.ts";

export interface ProvisionInput {
  readonly tenantId: string;
  readonly operationId: string;
  readonly schema: string;
  readonly role: string;
  /** Must be there: see `ensureGateway`. */
  readonly gateway: Gateway;
  readonly blueprint: CompiledBlueprint;
  readonly seed: SeedInput;
  /** SQL for after the seed, the tenant's schema being the only one on the path. */
  readonly beside?: readonly string[];
  /**
   * Asked once, with the schema locked and before anything is written: may this worker still do it?
   * A `false` rolls back and leaves nothing.
   */
  readonly mayProceed: () => Promise<boolean>;
  /** Told live, from within the one transaction. */
  readonly onStep: (step: ProvisionStep) => void;
}

/** The steps in their order. */
export const PROVISION_STEPS = ["schema", "tables", "default data", "access"] as const;
export type ProvisionStep = (typeof PROVISION_STEPS)[number];

export type ProvisionOutcome =
  /** Made now, in one commit. */
  | { readonly kind: "created" }
  /** An earlier attempt had committed it: its marker says that it is this very tenant. */
  | { readonly kind: "already-there" }
  /** A schema or role of that name belongs to somebody else; nothing was changed. */
  | { readonly kind: "name-taken"; readonly what: "schema" | "role" }
  /** `mayProceed` said no; nothing was changed. */
  | { readonly kind: "superseded" };

/** Notices of ours carry this SQLSTATE (class "Tn" is outside the standard's), so that a blueprint's own pass by. */
const STEP_NOTICE = "TN001";

/**
 * Makes one tenant on its placement: schema, role, tables, default data, rights, version and marker, in one
 * transaction and one round trip. All there or nothing, whatever dies in between: the text ends in its own COMMIT,
 * so even a client that is killed after sending it leaves a whole tenant.
 *
 * @throws the driver's error when a statement fails; the transaction is rolled back.
 */
export async function provisionTenant(pool: Pool, input: ProvisionInput): Promise<ProvisionOutcome> {
  // Built before the transaction opens: a blueprint whose seed throws must not hold a lock meanwhile.
  const script = await provisionScript(input);
  return withClient(pool, async (client) => {
    if (await lockName(client, input.schema)) {
      const marker = await readMarker(client, input.schema);
      await client.query("ROLLBACK");
      const ours = marker.kind === "tenant" && marker.tenantId === input.tenantId;
      return ours ? { kind: "already-there" } : { kind: "name-taken", what: "schema" };
    }
    if (!(await input.mayProceed())) {
      await client.query("ROLLBACK");
      return { kind: "superseded" };
    }
    return runScript(client, script, input.onStep);
  });
}

/** Opens the transaction and makes sure that nobody else works on this name. True when the schema is there already. */
export async function lockName(client: PoolClient, schema: string): Promise<boolean> {
  const results = await client.query(
    `BEGIN; SELECT pg_advisory_xact_lock(${ADVISORY_LOCK_SPACE.tenantSchema}, hashtext(${quoteLiteral(schema)}));
     SELECT to_regnamespace(${quoteLiteral(quoteIdentifier(schema))}) IS NOT NULL AS exists`,
  );
  const [, , found] = results as unknown as QueryResult<{ exists: boolean }>[];
  return found?.rows[0]?.exists === true;
}

async function runScript(
  client: PoolClient,
  script: string,
  onStep: ProvisionInput["onStep"],
): Promise<ProvisionOutcome> {
  const onNotice = (notice: { code?: string | undefined; message?: string | undefined }): void => {
    if (notice.code === STEP_NOTICE) onStep(notice.message as ProvisionStep);
  };
  client.on("notice", onNotice);
  try {
    await client.query(script);
    return { kind: "created" };
  } catch (error) {
    const state = sqlState(error);
    if (state !== SQLSTATE.duplicateSchema && state !== SQLSTATE.duplicateObject) throw error;
    await client.query("ROLLBACK");
    const what = nameTaken(error);
    if (what === undefined) throw error;
    return { kind: "name-taken", what };
  } finally {
    client.off("notice", onNotice);
  }
}

/** Which of our own two CREATEs met an existing name; undefined when a blueprint's statement did. */
export function nameTaken(error: unknown): "schema" | "role" | undefined {
  if (sqlState(error) === SQLSTATE.duplicateSchema) return "schema";
  const routine = error instanceof Error ? Reflect.get(error, "routine") : undefined;
  return routine === "CreateRole" ? "role" : undefined;
}

/** What the beginning and the end of a tenant's script need to know. */
export type ScriptInput = Omit<ProvisionInput, "mayProceed" | "onStep">;

/** All of a tenant as one text, from inside its transaction to its COMMIT. */
export async function provisionScript(input: ScriptInput): Promise<string> {
  return [
    "SET LOCAL client_min_messages = notice;\n",
    foundationScript(input),
    await compileSeed(input.blueprint.blueprint, input.seed),
    ...(input.beside ?? []),
    step("access"),
    completionScript(input),
  ].join("");
}

/** From the schema itself to the rows that every tenant has. */
export function foundationScript({
  schema: name,
  role: roleName,
  gateway,
  blueprint,
}: Pick<ScriptInput, "schema" | "role" | "gateway" | "blueprint">): string {
  const schema = quoteIdentifier(name);
  const role = quoteIdentifier(roleName);
  return [
    step("schema"),
    `CREATE SCHEMA ${schema};\n`,
    `SET LOCAL search_path = ${schema};\n`,
    ledgerTablesScript(),
    MARKER_SCRIPT,
    // From here on every table, also one that a later migration adds, is open to the tenant's role, and to nobody else:
    // a right given to PUBLIC would show the rows' commonest values in `pg_stats`; see docs/adr/0012.
    createRoleScript(gateway, roleName),
    roleSettingScript(roleName),
    `ALTER DEFAULT PRIVILEGES IN SCHEMA ${schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${role};\n`,
    step("tables"),
    blueprint.createScript,
    step("default data"),
    blueprint.commonSeedScript,
  ].join("");
}

/** Rights, version, marker, COMMIT. */
export function completionScript({
  schema,
  role,
  blueprint,
  tenantId,
  operationId,
  seed,
}: ScriptInput): string {
  const marker = [tenantId, operationId, seed.license.key, blueprint.blueprint.name].map(quoteLiteral);
  return [
    `GRANT USAGE ON SCHEMA ${quoteIdentifier(schema)} TO ${quoteIdentifier(role)};\n`,
    ledgerRowsScript(
      blueprint.migrations.map((migration) => migration.name),
      new Date(),
    ),
    `INSERT INTO ${MARKER_TABLE} (tenant_id, operation_id, license_key, blueprint) VALUES (${marker.join(", ")});\n`,
    "COMMIT;\n",
  ].join("");
}

/** A notice is the one thing that PostgreSQL sends on at once from the middle of a text (elog.c flushes after it). */
function step(name: ProvisionStep): string {
  return `DO $$ BEGIN RAISE NOTICE USING ERRCODE = '${STEP_NOTICE}', MESSAGE = '${name}'; END $$;\n`;
}
