import type { Installation } from "@tenantry/installation";
import { announceNew } from "@tenantry/jobs";
import {
  type LegacyItem,
  type LegacyMigrationInput,
  listLegacyItems,
  listQuarantine,
  migrateLegacy,
  type Page,
  type PageRequest,
  type QuarantineEntry,
} from "@tenantry/tenancy";
import { ended } from "./requests.ts";

export type MigrationOrder = Partial<LegacyMigrationInput> & Pick<LegacyMigrationInput, "system" | "path">;

/** What a legacy migration has come to. */
export interface EndedMigration {
  readonly id: string;
  readonly state: string;
  readonly items: readonly LegacyItem[];
  readonly quarantine: readonly QuarantineEntry[];
}

const USUAL: Omit<LegacyMigrationInput, "system" | "path"> = {
  root: "operator",
  licenseKeys: null,
  dryRun: false,
  onExisting: "skip",
  strict: false,
  timeZone: null,
  pace: "full",
};

/** Orders a migration as the CLI does, with an absolute path, and rings the bell for it. @returns the run's id */
export async function orderMigration(installation: Installation, order: MigrationOrder): Promise<string> {
  const caller = { actor: "cli:test", apiKeyId: null, idempotency: null };
  const { answer, entry } = await migrateLegacy(installation.ctx, { ...USUAL, ...order }, caller);
  if (entry !== null) await announceNew(installation.ctx, installation.queues, entry);
  return answer.operation.id;
}

/** Orders a migration and waits for its end; a worker has to be running. */
export async function migrated(
  installation: Installation,
  order: MigrationOrder,
  timeoutMs = 80_000,
): Promise<EndedMigration> {
  return endOf(installation, await orderMigration(installation, order), timeoutMs);
}

/** Waits for a run's end, and reads what it says of each license and each row in quarantine. */
export async function endOf(
  installation: Installation,
  runId: string,
  timeoutMs = 80_000,
): Promise<EndedMigration> {
  const { ctx } = installation;
  const row = await ended(installation, runId, timeoutMs);
  return {
    id: runId,
    state: row.state,
    items: await all((page) => listLegacyItems(ctx, runId, {}, page)),
    quarantine: await all((page) => listQuarantine(ctx, runId, {}, page)),
  };
}

async function all<T>(read: (page: PageRequest) => Promise<Page<T>>): Promise<T[]> {
  const found: T[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await read({ limit: 200, ...(cursor === undefined ? {} : { cursor }) });
    found.push(...page.items);
    cursor = page.nextCursor;
  }
  return found;
}
