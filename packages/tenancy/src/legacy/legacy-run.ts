import type { TenancyContext } from "../context.ts";
import { TenancyError } from "../errors.ts";
import type { LabelledOperationRow } from "../operation-view.ts";
import { getOperationRow } from "../operations.ts";
import type { LegacyMigrationInput } from "./legacy-migration-request.ts";

/** A legacy migration's operation and what was asked for. */
export interface LegacyRun {
  readonly operation: LabelledOperationRow;
  readonly input: LegacyMigrationInput;
}

/**
 * @throws TenancyError OPERATION_NOT_FOUND for an id of anything else, also of one license's own operation.
 */
export async function getLegacyRun(ctx: TenancyContext, id: string): Promise<LegacyRun> {
  const operation = await getOperationRow(ctx, id);
  if (operation.kind !== "migrate-legacy" || operation.parent_id !== null) {
    throw new TenancyError("OPERATION_NOT_FOUND", "There is no legacy migration with that id.");
  }
  return { operation, input: operation.input as unknown as LegacyMigrationInput };
}
