import type { OperationKind, OperationState, OperationsTable } from "@tenantry/schema";
import type { Selectable } from "kysely";
import type { StoredError } from "./errors.ts";

/** An operation as users of the API and the CLI see it. */
export interface Operation {
  readonly id: string;
  readonly kind: OperationKind;
  readonly state: OperationState;
  readonly progress: OperationProgress;
  readonly attempts: number;
  readonly licenseKey?: string;
  readonly parentId?: string;
  readonly result?: object;
  readonly error?: StoredError;
  readonly createdAt: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
}

export interface OperationProgress {
  readonly percent: number;
  readonly step: string;
  readonly message: string;
  readonly done: number;
  readonly total: number;
}

export type OperationRow = Selectable<OperationsTable>;
/** An operation with its license's key beside it. */
export type LabelledOperationRow = OperationRow & { license_key: string | null };

/** The outside view of an operation. Leaves out who asked, with which key, and which worker has it. */
export function toOperation(row: LabelledOperationRow): Operation {
  return {
    id: row.id,
    kind: row.kind,
    state: row.state,
    progress: {
      percent: row.percent,
      step: row.step,
      message: row.message,
      done: Number(row.done),
      total: Number(row.total),
    },
    attempts: row.attempts,
    ...(row.license_key === null ? {} : { licenseKey: row.license_key }),
    ...(row.parent_id === null ? {} : { parentId: row.parent_id }),
    ...(row.result === null ? {} : { result: row.result }),
    ...(row.error === null ? {} : { error: row.error as StoredError }),
    createdAt: row.created_at.toISOString(),
    ...(row.started_at === null ? {} : { startedAt: row.started_at.toISOString() }),
    ...(row.finished_at === null ? {} : { finishedAt: row.finished_at.toISOString() }),
  };
}
