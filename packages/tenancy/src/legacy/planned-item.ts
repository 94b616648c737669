import {
  isTransient,
  type KeptRows,
  type LegacyFinding,
  type LegacyForesight,
  type LegacyLicense,
  type SourceDescription,
  type TenantState,
} from "@tenantry/schema";
import type { TenancyContext } from "../context.ts";
import { REMEDIES, type StoredError, TenancyError } from "../errors.ts";
import { hashPassword } from "../password.ts";
import { existingForesight } from "./existing-licenses.ts";
import type { StoredPlan } from "./legacy-item.ts";
import { keyFault, legacyKey } from "./legacy-key.ts";
import type { LegacyMigrationInput } from "./legacy-migration-request.ts";
import type { KnownSystem } from "./legacy-systems.ts";
import { type LicenseFacts, licenseFacts, licenseFaults } from "./license-facts.ts";
import { planFile, storedPlan } from "./plan-file.ts";
import { sourceTrouble, storedError } from "./source-trouble.ts";

/** A license that the source has, under the key that it has here. */
export interface KeyedLicense {
  readonly license: LegacyLicense;
  readonly key: string;
  readonly notes: readonly string[];
  /** Why it can't be moved as the source has it. */
  readonly refusal: StoredError | null;
}

/** What a plan says of one license. */
export interface PlannedItem {
  readonly name: string;
  readonly source: string;
  readonly licenseKey: string | null;
  readonly clientName: string;
  /** Null of one that is refused for them. */
  readonly facts: LicenseFacts | null;
  readonly adminPasswordHash: string | null;
  readonly kept: readonly KeptRows[];
  readonly file: string | null;
  /** Null when it wasn't or couldn't be read. */
  readonly description: SourceDescription | null;
  readonly planned: StoredPlan | null;
  readonly foresight: LegacyForesight;
  readonly error: StoredError | null;
  /** That there is no use in trying again. */
  readonly refused: boolean;
  readonly notes: readonly string[];
}

/** What a plan comes to, before any of it is kept. */
export interface RunPlan {
  readonly known: KnownSystem;
  readonly input: LegacyMigrationInput;
  /** The source's folder, absolute. */
  readonly root: string;
  /** When the plan was begun. */
  readonly now: Date;
  readonly findings: readonly LegacyFinding[];
  readonly items: readonly PlannedItem[];
}

/** Gives each license its key, and finds those that can't be moved: for what they hold, or for a key that comes twice. */
export function keyLicenses(
  ctx: TenancyContext,
  system: string,
  root: string,
  licenses: readonly LegacyLicense[],
): KeyedLicense[] {
  const owners = new Map<string, string>();
  return licenses.map((license) => {
    const { key, note } = legacyKey(ctx, system, root, license);
    const owner = owners.get(key);
    if (owner === undefined) owners.set(key, license.name);
    const bad = keyFault(key);
    const faults = [...(bad === null ? [] : [bad]), ...licenseFaults(license)];
    const why =
      license.refused ??
      (owner === undefined ? null : `License ${keepable(owner)} of the source has the same key.`) ??
      (faults.length === 0 ? null : `The license can't be kept as the source has it: ${faults.join("; ")}.`);
    const refusal: StoredError | null =
      why === null
        ? null
        : {
            code: "SOURCE_INVALID",
            detail: keepable(why),
            hint: "Correct it in the source, then start a new run.",
          };
    return { license, key, notes: note === null ? [] : [note], refusal };
  });
}

/**
 * Plans one license. Reads its data file, if it has one and isn't to be skipped; a file that can't be read is the item's
 * own trouble.
 *
 * @throws when the signal aborts, and for a defect.
 */
export async function planItem(
  ctx: TenancyContext,
  run: Omit<RunPlan, "findings" | "items">,
  keyed: KeyedLicense,
  existing: TenantState | undefined,
  signal: AbortSignal,
): Promise<PlannedItem> {
  const { license, key, refusal } = keyed;
  const item = {
    name: keepable(license.name),
    source: keepable(license.source),
    licenseKey: key,
    clientName: keepable(license.clientName),
    facts: null,
    adminPasswordHash: null,
    kept: [],
    file: license.file,
    description: null,
    planned: null,
    error: null,
    refused: false,
    notes: keyed.notes,
  };
  if (refusal !== null) {
    const licenseKey = keyFault(key) === null ? key : null;
    return { ...item, licenseKey, foresight: "refuse", error: refusal, refused: true };
  }
  const facts = licenseFacts(license);
  const notes = [...keyed.notes, ...licenseNotes(license, run.known)];
  const known = { ...item, facts, notes, ...(run.input.dryRun ? {} : { kept: license.kept }) };
  const expected = existingForesight(existing, run.input.onExisting);
  if (expected !== null) return { ...known, ...expected };
  if (license.file === null) {
    const adminPasswordHash = run.input.dryRun ? null : await passwordHash(license);
    return { ...known, foresight: "create", adminPasswordHash };
  }
  try {
    const description = await ctx.legacy.readers.describe(run.root, license.file, signal);
    const plan = await planFile(ctx, run.known, run.input, description, license.owned, run.now);
    return { ...known, foresight: "import", description, planned: storedPlan(plan, description) };
  } catch (error) {
    signal.throwIfAborted();
    const trouble = sourceTrouble(error);
    if (trouble !== null) return { ...known, foresight: "refuse", error: storedError(trouble) };
    if (error instanceof TenancyError || isTransient(error)) throw error;
    // One file that nobody has thought of doesn't stop the others.
    ctx.log.error({ err: error, licenseKey: key }, "a license's file couldn't be planned");
    return { ...known, foresight: "refuse", error: DEFECT };
  }
}

/** The hash that the new tenant's admin gets; a plain password ends here. */
async function passwordHash({ admin }: LegacyLicense): Promise<string | null> {
  if (admin === null) return null;
  return "hash" in admin.password ? admin.password.hash : hashPassword(admin.password.plain);
}

function licenseNotes(license: LegacyLicense, { blueprint }: KnownSystem): string[] {
  const notes: string[] = [];
  if (!license.isSuspended && license.suspensionReason !== null) {
    notes.push("The source has a reason for a suspension, though it isn't suspended: kept in the notes.");
  }
  if (license.file === null && license.admin === null && blueprint.blueprint.signIn) {
    notes.push("It has no admin user: nobody can sign in until one is made.");
  }
  return notes;
}

/** A text of the source as PostgreSQL can keep it, where it only serves people. */
function keepable(text: string): string {
  return text.toWellFormed().replaceAll("\0", "\ufffd");
}

/** What an item shows when something went wrong that nobody foresaw. */
const DEFECT: StoredError = {
  code: "INTERNAL",
  detail: "A defect in Tenantry or its blueprint.",
  hint: REMEDIES.INTERNAL,
};
