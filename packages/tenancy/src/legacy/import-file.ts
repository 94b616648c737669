import { type ImportFigures, ImportRefusedError, importTenant, VerificationError } from "@tenantry/schema";
import type { TenancyContext } from "../context.ts";
import { provisioningError, seedInput } from "../create-tenant.ts";
import { TenancyError } from "../errors.ts";
import { placementOf } from "../placement.ts";
import { tenantGateway } from "../tenant-connection.ts";
import { adoptReport, type Committed } from "./adopt-report.ts";
import type { Stopped } from "./claim-watch.ts";
import type { ImportReport } from "./legacy-item.ts";
import { grouped, type Move, nameTaken, reportStep } from "./move.ts";
import { planFile } from "./plan-file.ts";
import { forgetFindings, storeQuarantined, storeReport } from "./quarantine-store.ts";
import { sourceTrouble } from "./source-trouble.ts";

/** Progress of the rows is between these. */
const ROWS_BEGIN_PERCENT = 5;
const ROWS_END_PERCENT = 95;

/**
 * Makes a license's tenant with the rows of its file, in one transaction on the placement. What goes to quarantine is kept
 * as it is met, the report right before the commit: both in the control schema, whose commits come first. So a tenant that
 * is there has its report; a report whose tenant isn't there is forgotten by the next attempt.
 *
 * @throws TenancyError SOURCE_INVALID also for a file that was changed since it was planned; SOURCE_BUSY;
 * IMPORT_INCOMPLETE; VERIFICATION_FAILED; SCHEMA_TAKEN, ROLE_TAKEN; PROVISIONING_FAILED; UNAVAILABLE.
 */
export async function importFile(ctx: TenancyContext, move: Move): Promise<Committed | Stopped> {
  const { work, moving, license, tenant, watch } = move;
  const { item, description, known, input, root, facts } = moving;
  if (item.file === null || item.sha256 === null || description === null) {
    throw new Error(`legacy item ${item.id} has no file that was read`);
  }
  const { plan } = await planFile(ctx, known, input, description, facts.owned, moving.plannedAt);
  const total = Number(item.rows_planned);
  const outcome = await importTenant((await placementOf(ctx, tenant)).provisioning, {
    tenantId: tenant.id,
    operationId: work.operation.id,
    schema: tenant.schema_name,
    role: tenant.role_name,
    gateway: tenantGateway(ctx, tenant),
    blueprint: known.blueprint,
    seed: seedInput(license),
    plan,
    open: ctx.legacy.readers.openImport({
      root,
      file: item.file,
      sha256: item.sha256,
      plan,
      signal: watch.signal,
    }),
    afterLoad: known.system.mapping.afterLoad,
    kept: moving.kept,
    mayProceed: () => watch.look(),
    onTry: () => forgetFindings(ctx, work.claim, item.id),
    onQuarantined: (rows) => storeQuarantined(ctx, work.claim, item, rows),
    onProgress: ({ table, rows }) => showRows(move, table, rows, total),
    beforeCommit: async (figures) => {
      reportStep(work, ROWS_END_PERCENT, "verified", "Verified; committing", total, total);
      const report = importReport(figures);
      const wanted = await storeReport(ctx, work.claim, item.id, report, figures.quarantined);
      if (!wanted) await watch.look();
      return wanted && !(input.strict && figures.quarantined > 0) ? "commit" : "roll-back";
    },
  }).catch((error: unknown) => {
    throw importError(move, error);
  });
  switch (outcome.kind) {
    case "name-taken":
      throw nameTaken(tenant, outcome.what);
    case "superseded":
      return watch.ended ?? { kind: "superseded" };
    case "rolled-back":
      if (watch.ended !== null) return watch.ended;
      throw incomplete(outcome.figures);
    case "imported":
      return { kind: "committed", outcome: "imported", report: importReport(outcome.figures), notes: [] };
    case "already-there":
      return adoptReport(ctx, moving, tenant);
  }
}

function showRows({ work }: Move, table: string, rows: number, total: number): void {
  const share = total === 0 ? 1 : Math.min(1, rows / total);
  const percent = ROWS_BEGIN_PERCENT + Math.floor(share * (ROWS_END_PERCENT - ROWS_BEGIN_PERCENT));
  reportStep(work, percent, "rows", `${grouped(rows)} of ${grouped(total)} rows, ${table}`, rows, total);
}

function importReport({ tables, foreignKeys, quarantined, tries }: ImportFigures): ImportReport {
  return { tables, foreignKeys, quarantined, tries };
}

function incomplete(figures: ImportFigures): TenancyError {
  const rows = figures.quarantined === 1 ? "1 row" : `${grouped(figures.quarantined)} rows`;
  return new TenancyError(
    "IMPORT_INCOMPLETE",
    `${rows} couldn't be imported, and the run is strict. Nothing was left behind.`,
  );
}

function importError({ tenant }: Move, error: unknown): unknown {
  if (error instanceof TenancyError) return error;
  if (error instanceof VerificationError) {
    return new TenancyError("VERIFICATION_FAILED", error.message, { cause: error });
  }
  if (error instanceof ImportRefusedError) {
    return new TenancyError("PROVISIONING_FAILED", error.message, {
      hint: "The blueprint's mapping doesn't fit this file: see docs/legacy.md.",
      cause: error,
    });
  }
  const trouble = sourceTrouble(error);
  return trouble ?? provisioningError(tenant, error);
}
