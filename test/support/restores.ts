import { announceNew } from "@tenantry/jobs";
import type { RestoreMode } from "@tenantry/schema";
import { type Backup, getBackup, orderBackup, orderRestore, type RestoreResult } from "@tenantry/tenancy";
import { expect } from "vitest";
import { withAdmin } from "./database.ts";
import { ended } from "./requests.ts";
import type { TestInstallation } from "./tenantry.ts";

export const CALLER = { actor: "cli:test", apiKeyId: null, idempotency: null };

/** A backup of a license's tenant as it is now; a worker has to be running. */
export async function backedUp(installation: TestInstallation, licenseKey: string): Promise<Backup> {
  const { answer, entry } = await orderBackup(installation.ctx, { licenseKey }, CALLER);
  if (entry !== null) await announceNew(installation.ctx, installation.queues, entry);
  const row = await ended(installation, answer.operation.id);
  expect(row.error).toBeNull();
  return getBackup(installation.ctx, answer.backup.id);
}

/** Has a backup brought back; returns the operation's id. */
export async function order(
  installation: TestInstallation,
  id: string,
  mode: RestoreMode,
  licenseKey?: string,
): Promise<string> {
  const input = { id, mode, ...(licenseKey === undefined ? {} : { licenseKey }) };
  const { answer, entry } = await orderRestore(installation.ctx, input, CALLER);
  if (entry !== null) await announceNew(installation.ctx, installation.queues, entry);
  return answer.operation.id;
}

/** The same, and waits until it is there; a worker has to be running. */
export async function restored(
  installation: TestInstallation,
  id: string,
  mode: RestoreMode,
  licenseKey?: string,
): Promise<RestoreResult & { readonly operationId: string }> {
  const operationId = await order(installation, id, mode, licenseKey);
  const row = await ended(installation, operationId);
  expect(row).toMatchObject({ state: "succeeded", error: null });
  return { ...(row.result as RestoreResult), operationId };
}

/** Schemas that only a restore makes: those being loaded, and those put aside. */
export async function restoreSchemas(adminUrl: string): Promise<{ loading: string[]; kept: string[] }> {
  return withAdmin(adminUrl, async (client) => {
    const { rows } = await client.query<{ nspname: string }>(
      "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'restoring\\_%' OR nspname LIKE 'before\\_restore\\_%' ORDER BY 1",
    );
    const names = rows.map((row) => row.nspname);
    return {
      loading: names.filter((name) => name.startsWith("restoring_")),
      kept: names.filter((name) => name.startsWith("before_")),
    };
  });
}
