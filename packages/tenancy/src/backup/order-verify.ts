import { acceptOperation, type WorkOutcome } from "../accept-operation.ts";
import type { TenancyContext } from "../context.ts";
import type { Caller } from "../idempotency.ts";
import type { RunAnswer } from "../run.ts";
import { lockReadyBackup } from "./list-backups.ts";

/**
 * Accepts the proof of a backup: it will be restored into a scratch schema and compared.
 *
 * @throws TenancyError BACKUP_NOT_FOUND; STATE_CONFLICT while it is being made and after it is gone; IDEMPOTENCY_KEY_REUSED.
 */
export async function orderVerify(
  ctx: TenancyContext,
  input: { readonly id: string },
  caller: Caller,
): Promise<WorkOutcome<RunAnswer>> {
  return acceptOperation(
    ctx,
    {
      kind: "verify-backup",
      input: { backupId: input.id },
      lock: async () => undefined,
      check: async (transaction) => {
        const { license_id } = await lockReadyBackup(ctx, transaction, input.id);
        return { licenseId: license_id };
      },
      prepare: async () => ({}),
    },
    caller,
  );
}
