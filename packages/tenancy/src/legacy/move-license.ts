import { keptTables, provisionTenant } from "@tenantry/schema";
import type { TenancyContext } from "../context.ts";
import { provisioningError, seedInput } from "../create-tenant.ts";
import { TenancyError } from "../errors.ts";
import type { OperationHandler, WorkResult } from "../operation-work.ts";
import { atPace } from "../pace/at-pace.ts";
import { paceOf } from "../pace/pace.ts";
import { placementOf } from "../placement.ts";
import { settleLimits } from "../settle-limits.ts";
import { tenantGateway, withGateway } from "../tenant-connection.ts";
import { ensureTenantRedis } from "../tenant-redis.ts";
import { adoptReport, type Committed } from "./adopt-report.ts";
import { ClaimWatch, type Stopped } from "./claim-watch.ts";
import { describeLate } from "./describe-late.ts";
import { type Ending, finishItem } from "./finish-item.ts";
import { holdLicense } from "./hold-license.ts";
import { importFile } from "./import-file.ts";
import { countRows, type ImportReport } from "./legacy-item.ts";
import { grouped, type Move, nameTaken, reportStep } from "./move.ts";
import { loadMoving, type Moving } from "./moving.ts";
import { asSourceTrouble } from "./source-trouble.ts";
import { tenantNotes } from "./tenant-notes.ts";

/**
 * Moves one license of a legacy source: its rows in the control schema, then its tenant in one transaction on the
 * placement. May run twice, at once, or after any crash; of an import either nothing is there, or the tenant and, in
 * the control schema, its report and its quarantined rows.
 */
export const moveLegacyLicense: OperationHandler = async (ctx, work) => {
  const loaded = await loadMoving(ctx, work.operation.id);
  if (loaded.kind === "refused") {
    const { code, detail, hint } = loaded.error;
    throw new TenancyError(code, detail, { hint });
  }
  const watch = new ClaimWatch(ctx, work.claim);
  try {
    const moving = await describeLate(ctx, work.claim, loaded.moving, watch.signal);
    reportStep(work, 2, "license", `License ${moving.item.license_key}`);
    const held = await holdLicense(ctx, work, moving);
    switch (held.kind) {
      case "skipped":
        return await finishItem(ctx, work.claim, moving, skipped(moving, held));
      case "held":
        return await makeTenant(ctx, { work, moving, watch, license: held.license, tenant: held.tenant });
      default:
        return { kind: held.kind };
    }
  } catch (error) {
    if (watch.ended !== null) return watch.ended;
    throw asSourceTrouble(error);
  } finally {
    watch.close();
  }
};

function skipped({ item }: Moving, { licenseId, why }: { licenseId: string; why: string }): Ending {
  return {
    result: {
      licenseKey: item.license_key,
      schema: null,
      outcome: "skipped",
      rows: 0,
      quarantined: 0,
      tables: 0,
    },
    licenseId,
    version: null,
    message: why,
    notes: [...item.notes, why],
  };
}

async function makeTenant(ctx: TenancyContext, move: Move): Promise<WorkResult> {
  const { moving, tenant, license, work } = move;
  const placement = await placementOf(ctx, tenant);
  const make = () => (moving.item.file === null ? makeFresh(ctx, move) : importFile(ctx, move));
  const made = await atPace(ctx, placement, paceOf(moving.input), () =>
    withGateway(ctx, placement, tenantGateway(ctx, tenant), make),
  ).catch((error: unknown) => {
    throw provisioningError(tenant, error);
  });
  if (made.kind === "canceled" || made.kind === "superseded") return made;
  await ensureTenantRedis(ctx, tenant);
  const ended = await finishItem(ctx, work.claim, moving, await ending(ctx, move, made));
  if (ended.kind === "succeeded") {
    // The tenant is ready whatever becomes of this; the doctor finds and mends limits that differ.
    await settleLimits(ctx, license, tenant).catch((error: unknown) => {
      ctx.log.error({ err: error, licenseKey: license.key }, "the tenant's limits couldn't be settled");
    });
  }
  return ended;
}

/** A license without data: a new, seeded tenant, as if it were sold now. */
async function makeFresh(ctx: TenancyContext, move: Move): Promise<Committed | Stopped> {
  const { work, moving, tenant, license, watch } = move;
  const { blueprint } = moving.known;
  const outcome = await provisionTenant((await placementOf(ctx, tenant)).provisioning, {
    tenantId: tenant.id,
    operationId: work.operation.id,
    schema: tenant.schema_name,
    role: tenant.role_name,
    gateway: tenantGateway(ctx, tenant),
    blueprint,
    seed: seedInput(license),
    beside: keptTables({ plan: { tables: [] }, kept: moving.kept }),
    mayProceed: () => watch.look(),
    onStep: (step) => reportStep(work, 50, step, `Making tenant ${tenant.schema_name}`),
  }).catch((error: unknown) => {
    throw provisioningError(tenant, error);
  });
  switch (outcome.kind) {
    case "name-taken":
      throw nameTaken(tenant, outcome.what);
    case "superseded":
      return watch.ended ?? { kind: "superseded" };
    case "created":
      return { kind: "committed", outcome: "created", report: null, notes: [] };
    case "already-there":
      return adoptReport(ctx, moving, tenant);
  }
}

async function ending(ctx: TenancyContext, move: Move, made: Committed): Promise<Ending> {
  const { moving, tenant } = move;
  const { blueprint } = moving.known;
  const rows = copiedRows(made.report);
  const quarantined = made.report?.quarantined ?? 0;
  const extra = new Set(made.report?.tables.filter((table) => table.extra).map((table) => table.target));
  const imported = made.outcome === "imported";
  const waiting = quarantined === 0 ? "" : `, ${grouped(quarantined)} in quarantine`;
  return {
    result: {
      licenseKey: moving.item.license_key,
      schema: tenant.schema_name,
      outcome: made.outcome,
      rows,
      quarantined,
      tables: blueprint.tableCount + extra.size,
    },
    licenseId: tenant.license_id,
    version: blueprint.version,
    message: imported
      ? `Tenant ${tenant.schema_name} is ready: ${grouped(rows)} rows${waiting}`
      : `Tenant ${tenant.schema_name} is ready: made new, since the source has no data for it`,
    notes: [...moving.item.notes, ...made.notes, ...(imported ? await tenantNotes(ctx, tenant) : [])],
  };
}

function copiedRows(made: ImportReport | null): number {
  return made === null ? 0 : countRows(made.tables, ({ copied }) => copied);
}
