import type { Installation } from "@tenantry/installation";
import {
  type Backup,
  getBackup,
  orderBackup,
  type PerformOutcome,
  performOperation,
} from "@tenantry/tenancy";
import { expect } from "vitest";
import { acceptLicense } from "./requests.ts";
import { CALLER } from "./restores.ts";

/** Performs an operation here and now, with no queue and no worker. */
export function perform({ ctx }: Pick<Installation, "ctx">, operationId: string): Promise<PerformOutcome> {
  return performOperation(ctx, {
    operationId,
    worker: "test",
    leaseMs: 60_000,
    maxAttempts: 5,
    sink: { progress: async () => undefined, log: async () => undefined },
  });
}

/** Makes a license and its tenant; returns its key. */
export async function performedLicense(
  installation: Installation,
  order: Record<string, unknown>,
): Promise<string> {
  const { license, operation } = await acceptLicense(installation, order);
  expect(await perform(installation, operation.id)).toMatchObject({ kind: "succeeded" });
  return license.key;
}

/** Makes a backup of a license's tenant. */
export async function performedBackup(installation: Installation, licenseKey: string): Promise<Backup> {
  const { answer } = await orderBackup(installation.ctx, { licenseKey }, CALLER);
  expect(await perform(installation, answer.operation.id)).toMatchObject({ kind: "succeeded" });
  return getBackup(installation.ctx, answer.backup.id);
}
