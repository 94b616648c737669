import type { Installation } from "@tenantry/installation";
import { announceNew } from "@tenantry/jobs";
import {
  type Caller,
  type LegacyItem,
  type LegacyMigrationInput,
  listLegacyItems,
  migrateLegacy,
  type Operation,
} from "@tenantry/tenancy";
import { ended } from "./requests.ts";

const CALLER: Caller = { actor: "cli:mover", apiKeyId: null, idempotency: null };

/** What is asked for when nothing else is said: all of it, by an operator. */
export const MOVE_ALL: LegacyMigrationInput = {
  system: "shop",
  path: "",
  root: "operator",
  licenseKeys: null,
  dryRun: false,
  onExisting: "skip",
  strict: false,
  timeZone: null,
  pace: "full",
};

/** Accepts a migration without telling the queue: as if the process had died right after its commit. */
export async function acceptMove(
  installation: Installation,
  input: Partial<LegacyMigrationInput>,
): Promise<Operation> {
  return (await migrateLegacy(installation.ctx, { ...MOVE_ALL, ...input }, CALLER)).answer.operation;
}

/** Accepts a migration and rings the bell for it. */
export async function orderMove(
  installation: Installation,
  input: Partial<LegacyMigrationInput>,
): Promise<Operation> {
  const { answer, entry } = await migrateLegacy(installation.ctx, { ...MOVE_ALL, ...input }, CALLER);
  if (entry !== null) await announceNew(installation.ctx, installation.queues, entry);
  return answer.operation;
}

/** Orders a migration and waits for its end; a worker has to be running. */
export async function moved(installation: Installation, input: Partial<LegacyMigrationInput>) {
  const { id } = await orderMove(installation, input);
  const operation = await ended(installation, id);
  return { id, operation, items: await itemsOf(installation, id) };
}

/** A run's licenses, in the order of the source. */
export async function itemsOf(installation: Installation, runId: string): Promise<readonly LegacyItem[]> {
  return (await listLegacyItems(installation.ctx, runId, {}, { limit: 200 })).items;
}
