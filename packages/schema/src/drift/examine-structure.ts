import { LEDGER_TABLE } from "../blueprint/compile.ts";
import { roleSettingScript } from "../blueprint/tenant-rights.ts";
import { quoteIdentifier, quoteLiteral } from "../identifier.ts";
import { type Pool, type PoolClient, withClient } from "../pool.ts";
import { sqlState } from "../sqlstate.ts";
import { ADVISORY_LOCK_SPACE } from "../tenant/advisory-lock.ts";
import { compareStructures } from "./compare-structures.ts";
import { type Difference, type MendableDifference, TENANT_ROLE, TENANT_SCHEMA } from "./difference.ts";
import type { StructureReference } from "./reference.ts";
import { readDigest, readFacts, type StructureDigest } from "./structure.ts";

export interface ExaminedTenant {
  readonly tenantId: string;
  readonly schema: string;
  readonly role: string;
  /** What the registry says. */
  readonly version: string;
}

export interface ExamineInput {
  readonly tenant: ExaminedTenant;
  /** How a tenant of a version has to be; null for a version that the blueprint doesn't know. */
  readonly referenceOf: (version: string) => Promise<StructureReference | null>;
}

/** What a look at a tenant found. */
export interface Examination {
  /** That its own ledger tells; null where it has none. */
  readonly version: string | null;
  /** None where all is as it should be. */
  readonly differences: readonly Difference[];
}

/** How long to wait for a lock, and for one statement. Milliseconds. */
export interface MendPatience {
  readonly lockTimeoutMs: number;
  readonly statementTimeoutMs: number;
}

export type MendOutcome =
  /** In one commit. What is left in `after` couldn't be mended safely. */
  | { readonly kind: "mended"; readonly before: Examination; readonly after: Examination }
  /** There was nothing that could be. */
  | { readonly kind: "nothing-to-mend"; readonly before: Examination }
  /** Rolled back: the tenant is as it was. */
  | {
      readonly kind: "failed";
      readonly before: Examination;
      readonly object: string;
      readonly sqlState: string;
    };

/**
 * Compares a tenant's structure with its version's. One message and one line back for a tenant that is as it should be; its
 * facts are fetched only where the digest differs.
 *
 * @throws the driver's error
 */
export async function examineStructure(
  pool: Pool,
  { tenant, referenceOf }: ExamineInput,
): Promise<Examination> {
  const { schema, role } = tenant;
  const found = await withClient(pool, (client) => readDigest(client, { schema, role }));
  // A reference needs a connection too, so none is held while it is waited for.
  const reference = await referenceFor(found, referenceOf);
  const examination = judge(found, tenant, reference);
  if (!isComparable(found, tenant) || reference === null || reference.digest === found.digest)
    return examination;
  return withClient(pool, async (client) => {
    await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    const { facts } = await readFacts(client, { schema, role });
    await client.query("COMMIT");
    return withDifferences(examination, compareStructures(reference, facts));
  });
}

/**
 * Makes what a tenant lacks of its version, where that takes nothing away; in one transaction, with the tenant's name locked.
 *
 * @throws the driver's error where it isn't a statement of the mending that failed
 */
export async function mendStructure(
  pool: Pool,
  { tenant, referenceOf, patience }: ExamineInput & { readonly patience: MendPatience },
): Promise<MendOutcome> {
  const { schema, role } = tenant;
  const earlier = await withClient(pool, (client) => readDigest(client, { schema, role }));
  const reference = await referenceFor(earlier, referenceOf);
  return withClient(pool, async (client) => {
    await client.query(`BEGIN;
      SET LOCAL lock_timeout = ${patience.lockTimeoutMs}; SET LOCAL statement_timeout = ${patience.statementTimeoutMs};
      SELECT pg_advisory_xact_lock(${ADVISORY_LOCK_SPACE.tenantSchema}, hashtext(${quoteLiteral(schema)}))`);
    const found = await readFacts(client, { schema, role });
    const examination = judge(found, tenant, reference);
    const comparable = isComparable(found, tenant) && found.ledger?.last === reference?.version;
    const differences = comparable && reference !== null ? compareStructures(reference, found.facts) : [];
    const before = withDifferences(examination, differences);
    if (reference === null || !differences.some(({ fixable }) => fixable)) {
      await client.query("ROLLBACK");
      return { kind: "nothing-to-mend", before };
    }
    const failed = await makeAnew(client, tenant, inOrder(reference, differences));
    if (failed !== null) {
      await client.query("ROLLBACK");
      return { kind: "failed", before, ...failed };
    }
    const again = await readFacts(client, { schema, role });
    await client.query("COMMIT");
    const after = withDifferences(examination, compareStructures(reference, again.facts));
    return { kind: "mended", before, after };
  });
}

/** A statement that is refused is an outcome; what ends the connection isn't. */
async function makeAnew(
  client: PoolClient,
  { schema, role }: ExaminedTenant,
  mends: readonly MendableDifference[],
): Promise<{ readonly object: string; readonly sqlState: string } | null> {
  const inPlace = (statement: string): string =>
    statement
      .replaceAll(TENANT_ROLE, quoteIdentifier(role))
      .replaceAll(TENANT_SCHEMA, quoteIdentifier(schema));
  await client.query(
    `SET LOCAL search_path = ${quoteIdentifier(schema)}, pg_catalog; SET LOCAL check_function_bodies = off; ${roleSettingScript(role)}`,
  );
  for (const { object, mend } of mends) {
    for (const statement of mend) {
      try {
        await client.query(inPlace(statement));
      } catch (error) {
        const state = sqlState(error);
        if (state === undefined || /^(08|57P)/.test(state)) throw error;
        return { object, sqlState: state };
      }
    }
  }
  return null;
}

/** Columns before what stands on them; then as the definition has it; rights last. */
function inOrder(
  reference: StructureReference,
  differences: readonly MendableDifference[],
): MendableDifference[] {
  const made = [...reference.statements.values()];
  const place = ({ kind, mend }: MendableDifference): number => {
    if (kind === "rights") return made.length;
    const own = mend.findLast((statement) => made.includes(statement));
    if (kind === "column") return -3;
    if (own !== undefined) return made.indexOf(own);
    return kind === "default" ? -2 : -1;
  };
  return differences.filter(({ fixable }) => fixable).sort((a, b) => place(a) - place(b));
}

function isComparable({ there, tenantId, ledger }: StructureDigest, tenant: ExaminedTenant): boolean {
  return there && tenantId === tenant.tenantId && ledger !== null && ledger.last !== "";
}

async function referenceFor(
  { ledger }: StructureDigest,
  referenceOf: ExamineInput["referenceOf"],
): Promise<StructureReference | null> {
  return ledger === null || ledger.last === "" ? null : referenceOf(ledger.last);
}

/** What can be told before any object is looked at. */
function judge(
  found: StructureDigest,
  tenant: ExaminedTenant,
  reference: StructureReference | null,
): Examination {
  const version = found.ledger?.last || null;
  const only = (difference: Difference): Examination => ({ version, differences: [difference] });
  const object = `SCHEMA ${tenant.schema}`;
  if (!found.there) return only(told("schema", { object, state: "missing" }));
  if (found.tenantId !== tenant.tenantId) {
    const expected = `tenant ${tenant.tenantId}`;
    const other = found.tenantId === null ? "no marker" : `tenant ${found.tenantId}`;
    return only(told("schema", { object, state: "changed", expected, found: other }));
  }
  if (version === null) {
    const expected = tenant.version;
    return only(told("version", { object: `TABLE ${LEDGER_TABLE}`, state: "missing", expected }));
  }
  const differences: Difference[] = [];
  const changed = (of: string, expected: string, there: string): void =>
    void differences.push(told("version", { object: of, state: "changed", expected, found: there }));
  if (version !== tenant.version) changed("the registry's version", tenant.version, version);
  if (reference === null) {
    const unknown = "unknown to this Tenantry";
    differences.push(told("version", { object: `migration ${version}`, state: "extra", found: unknown }));
  } else if (reference.version === version && reference.migrations !== found.ledger?.count) {
    changed("the ledger's migrations", String(reference.migrations), String(found.ledger?.count));
  }
  return { version, differences };
}

function told(
  kind: "schema" | "version",
  given: Partial<Difference> & Pick<Difference, "object" | "state">,
): Difference {
  return { expected: null, found: null, ...given, kind, fixable: false, kept: false };
}

function withDifferences(examination: Examination, differences: readonly MendableDifference[]): Examination {
  const plain = differences.map(({ mend: _, ...difference }) => difference);
  return { ...examination, differences: [...examination.differences, ...plain] };
}
