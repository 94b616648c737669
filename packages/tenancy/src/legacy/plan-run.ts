import type { LegacyFinding, LegacyLicense } from "@tenantry/schema";
import type { TenancyContext } from "../context.ts";
import { TenancyError } from "../errors.ts";
import { normalizeLicenseKey } from "../license-key.ts";
import type { OperationHandler, OperationWork } from "../operation-work.ts";
import { ClaimWatch } from "./claim-watch.ts";
import { existingTenants } from "./existing-licenses.ts";
import type { LegacyMigrationInput } from "./legacy-migration-request.ts";
import { legacySystem } from "./legacy-systems.ts";
import { reportStep } from "./move.ts";
import { type KeyedLicense, keyLicenses, type PlannedItem, planItem, type RunPlan } from "./planned-item.ts";
import { sourceRoot } from "./source-root.ts";
import { asSourceTrouble } from "./source-trouble.ts";
import { storePlan } from "./store-plan.ts";

/** Files that one plan has read at once: others may want readers too. */
const FILES_AT_ONCE = 4;
/** Unknown keys that an error names. */
const NAMED = 20;

/**
 * Plans a legacy migration: finds the source's licenses, has their files described, and keeps what is to become of each.
 * Unless it is a dry run, the operation then becomes a run with a child for each license. All of it is one commit at the
 * end, so a plan that broke off leaves nothing, and is made again from the beginning.
 */
export const planLegacyRun: OperationHandler = async (ctx, work) => {
  const input = work.operation.input as unknown as LegacyMigrationInput;
  const known = legacySystem(ctx.blueprints, input.system);
  const watch = new ClaimWatch(ctx, work.claim);
  try {
    const root = await sourceRoot(ctx, input);
    reportStep(work, 1, "licenses", "Looking for licenses", 0, 0);
    const folder = ctx.legacy.readers.folder(root);
    const { timeZone } = input;
    const found = await known.system.findLicenses(folder, { timeZone }).catch((error: unknown) => {
      throw asSourceTrouble(error);
    });
    const licenses = choose(keyLicenses(ctx, input.system, root, found.licenses), input.licenseKeys);
    const run = { known, input, root, now: new Date() };
    const items = await planItems(ctx, work, run, licenses, watch.signal);
    const findings = [...found.findings, ...emptiness(found.licenses)];
    return await storePlan(ctx, work, { ...run, findings, items });
  } catch (error) {
    if (watch.ended !== null) return watch.ended;
    throw error;
  } finally {
    watch.close();
  }
};

function emptiness(licenses: readonly LegacyLicense[]): LegacyFinding[] {
  return licenses.length > 0
    ? []
    : [{ file: "", code: "no-license", detail: "The source holds no license." }];
}

/**
 * The licenses that were asked for, by their keys or their names in the source.
 *
 * @throws TenancyError LICENSE_NOT_FOUND naming those that the source doesn't have.
 */
function choose(
  licenses: readonly KeyedLicense[],
  wanted: readonly string[] | null,
): readonly KeyedLicense[] {
  if (wanted === null) return licenses;
  const names = ({ key, license }: KeyedLicense): string[] => [key, license.name];
  const known = new Set(licenses.flatMap(names));
  const chosen = new Set(wanted.map((name) => (known.has(name) ? name : normalizeLicenseKey(name))));
  const unknown = [...chosen].filter((name) => !known.has(name));
  if (unknown.length > 0) {
    const more = unknown.length > NAMED ? `, and ${unknown.length - NAMED} more` : "";
    throw new TenancyError(
      "LICENSE_NOT_FOUND",
      `The source has no license ${unknown.slice(0, NAMED).join(", ")}${more}.`,
      { hint: "Check the keys against the source; a dry run without keys lists those that it has." },
    );
  }
  return licenses.filter((license) => names(license).some((name) => chosen.has(name)));
}

async function planItems(
  ctx: TenancyContext,
  work: OperationWork,
  run: Omit<RunPlan, "findings" | "items">,
  licenses: readonly KeyedLicense[],
  signal: AbortSignal,
): Promise<PlannedItem[]> {
  const existing = await existingTenants(
    ctx.control,
    licenses.filter(({ refusal }) => refusal === null).map(({ key }) => key),
  );
  const items: PlannedItem[] = [];
  const queue = licenses.entries();
  let done = 0;
  const lane = async (): Promise<void> => {
    for (const [index, keyed] of queue) {
      const state = existing.get(keyed.key);
      try {
        items[index] = await planItem(ctx, run, keyed, state, signal);
      } catch (error) {
        // Lanes share the iterator: the others end with the license that they are at.
        queue.return?.();
        throw error;
      }
      done += 1;
      const percent = 1 + Math.floor((98 * done) / licenses.length);
      const message = `Read ${done} of ${licenses.length} licenses`;
      reportStep(work, percent, "plan", message, done, licenses.length);
    }
  };
  // Every lane ends before this does, so that nothing goes on reading for an operation that has failed.
  const lanes = await Promise.allSettled(Array.from({ length: FILES_AT_ONCE }, lane));
  for (const outcome of lanes) if (outcome.status === "rejected") throw outcome.reason;
  return items;
}
