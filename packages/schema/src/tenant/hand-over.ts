import { type CompiledBlueprint, compileSeed } from "../blueprint/compile.ts";
import type { SeedInput } from "../blueprint/define.ts";
import { roleSettingScript } from "../blueprint/tenant-rights.ts";
import { quoteIdentifier, quoteLiteral } from "../identifier.ts";
import { type Pool, withClient } from "../pool.ts";
import { SQLSTATE, sqlState } from "../sqlstate.ts";
import { ADVISORY_LOCK_SPACE } from "./advisory-lock.ts";
import { MARKER_TABLE } from "./marker.ts";

/** What the script raises when it can't go on; class "Tn" is outside the standard's. */
const RAISED = { noSpare: "TN002", superseded: "TN003", nameTaken: "TN004", broken: "TN005" } as const;

export interface HandOverInput {
  readonly tenantId: string;
  readonly operationId: string;
  readonly schema: string;
  readonly role: string;
  readonly blueprint: CompiledBlueprint;
  readonly seed: SeedInput;
  /** PL/pgSQL that finds the spare: `pickReady` or `pickNamed`. */
  readonly pick: string;
  /** SQL for the end of the transaction, with nothing on the path. */
  readonly conclude: string;
}

export type HandOverOutcome =
  /** The spare is the tenant's schema now, in one commit. */
  | { readonly kind: "handed-over" }
  /** In every other case nothing was changed. */
  | { readonly kind: "no-spare" | "superseded" }
  /** A schema or role of the tenant's name is there. */
  | { readonly kind: "name-taken" }
  /** Its schema or role isn't what was made: dropped, renamed or given away by hand. */
  | { readonly kind: "broken"; readonly spareId: string; readonly why: string };

/**
 * Makes a spare the schema of a tenant: renames schema and role, writes what is this tenant's alone, in one text, one
 * round trip and one commit. Everything in a schema is bound by OID, so it goes with the name.
 *
 * @param script from `handOverScript`
 * @throws the driver's error when a statement fails; the transaction is rolled back and the spare is as it was.
 */
export async function handOver(pool: Pool, script: string): Promise<HandOverOutcome> {
  return withClient(pool, async (client) => {
    try {
      await client.query(script);
      return { kind: "handed-over" };
    } catch (error) {
      const outcome = outcomeOf(error);
      if (outcome === null) throw error;
      await client.query("ROLLBACK");
      return outcome;
    }
  });
}

function outcomeOf(error: unknown): HandOverOutcome | null {
  switch (sqlState(error)) {
    case RAISED.noSpare:
      return { kind: "no-spare" };
    case RAISED.superseded:
      return { kind: "superseded" };
    case RAISED.nameTaken:
      return { kind: "name-taken" };
    case SQLSTATE.duplicateObject:
    case SQLSTATE.duplicateSchema: {
      const routine = String(Reflect.get(Object(error), "routine"));
      return ["RenameRole", "RenameSchema"].includes(routine) ? { kind: "name-taken" } : null;
    }
    case RAISED.broken: {
      const { detail, hint } = error as { detail?: string; hint?: string };
      return { kind: "broken", spareId: detail ?? "", why: hint ?? "" };
    }
    default:
      return null;
  }
}

/**
 * The text for `handOver`, from BEGIN to COMMIT. Built ahead, as a blueprint whose seed throws must not hold a lock.
 *
 * @throws BlueprintError when the seed needs an answer from the database.
 */
export async function handOverScript(input: HandOverInput): Promise<string> {
  const { schema, role, blueprint, seed } = input;
  const [name, roleName] = [quoteIdentifier(schema), quoteIdentifier(role)];
  return [
    "BEGIN;\n",
    `SELECT pg_advisory_xact_lock(${ADVISORY_LOCK_SPACE.tenantSchema}, hashtext(${quoteLiteral(schema)}));\n`,
    renameScript(input),
    `SET LOCAL search_path = ${name};\n`,
    roleSettingScript(role),
    await compileSeed(blueprint.blueprint, seed),
    `GRANT USAGE ON SCHEMA ${name} TO ${roleName};\n`,
    "SET LOCAL search_path = '';\n",
    input.conclude,
    "COMMIT;\n",
  ].join("");
}

function renameScript({ schema, role, pick, tenantId, operationId, seed }: HandOverInput): string {
  const [schemaText, roleText] = [quoteLiteral(schema), quoteLiteral(role)];
  const marks = [tenantId, operationId, seed.license.key].map(quoteLiteral);
  // What somebody has done to the spare by hand must be told apart from trouble that passes, or that the seed makes.
  return `DO $hand_over$
DECLARE spare record; marked bigint;
BEGIN
  IF to_regnamespace(quote_ident(${schemaText})) IS NOT NULL THEN
    ${raise(RAISED.nameTaken)}
  END IF;
  ${pick}
  BEGIN
    EXECUTE format('UPDATE %I.${MARKER_TABLE} SET tenant_id = $2, operation_id = $3, license_key = $4, created_at = now()
      WHERE tenant_id = $1', spare.schema_name) USING spare.id, ${marks[0]}::uuid, ${marks[1]}::uuid, ${marks[2]};
    GET DIAGNOSTICS marked = ROW_COUNT;
    IF marked <> 1 THEN ${raise(RAISED.broken)} END IF;
    EXECUTE format('ALTER SCHEMA %I RENAME TO %I', spare.schema_name, ${schemaText});
    EXECUTE format('SET LOCAL ROLE %I', spare.keeper_name);
    EXECUTE format('ALTER ROLE %I RENAME TO %I', spare.role_name, ${roleText});
    SET LOCAL ROLE NONE;
  EXCEPTION WHEN SQLSTATE '${RAISED.broken}' OR invalid_schema_name OR undefined_table OR undefined_object
    OR invalid_parameter_value OR insufficient_privilege THEN
    RAISE EXCEPTION USING ERRCODE = '${RAISED.broken}', MESSAGE = 'the spare is broken', DETAIL = spare.id::text, HINT = SQLSTATE;
  END;
END $hand_over$;
`;
}

function raise(code: string): string {
  return `RAISE EXCEPTION USING ERRCODE = '${code}', MESSAGE = 'not handed over';`;
}

export interface PickReadyInput {
  readonly placement: string;
  readonly blueprint: CompiledBlueprint;
  readonly tenantId: string;
  readonly claim: { readonly operationId: string; readonly attempt: number };
}

/**
 * On the control schema's own server: takes any spare of just this blueprint, and its number, for the tenant. Whoever
 * takes one at the same moment gets another. Of a claim that is lost, or an operation that is to be canceled, it takes
 * none.
 */
export function pickReady({ placement, blueprint, tenantId, claim }: PickReadyInput): string {
  const kind = [placement, blueprint.blueprint.name, blueprint.fingerprint].map(quoteLiteral);
  return `PERFORM FROM tenantry.operations
    WHERE id = ${quoteLiteral(claim.operationId)} AND attempts = ${quoteLiteral(claim.attempt)}
      AND state = 'running' AND children IS NULL AND cancel_requested_at IS NULL FOR UPDATE;
  IF NOT FOUND THEN ${raise(RAISED.superseded)} END IF;
  SELECT id, schema_name, role_name, keeper_name, ordinal INTO spare FROM tenantry.spares
    WHERE placement = ${kind[0]} AND blueprint = ${kind[1]} AND fingerprint = ${kind[2]} AND state = 'ready'
    LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN ${raise(RAISED.noSpare)} END IF;
  DELETE FROM tenantry.spares WHERE id = spare.id;
  UPDATE tenantry.tenants SET ordinal = spare.ordinal WHERE id = ${quoteLiteral(tenantId)};`;
}

/** On any other server: the spare that was assigned to the tenant before. */
export function pickNamed(spare: {
  readonly id: string;
  readonly schema_name: string;
  readonly role_name: string;
  readonly keeper_name: string;
}): string {
  const [id, schema, role, keeper] = [spare.id, spare.schema_name, spare.role_name, spare.keeper_name].map(
    quoteLiteral,
  );
  return `SELECT ${id}::uuid AS id, ${schema} AS schema_name, ${role} AS role_name, ${keeper} AS keeper_name INTO spare;`;
}
