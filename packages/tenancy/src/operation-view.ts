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
  /** Of a run's child: the run. */
  readonly parentId?: string;
  /** Of a run's child: its place in the request that started the run, from 0. */
  readonly item?: number;
  /** Of a run: how its children stand. */
  readonly children?: OperationChildren;
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

export interface OperationChildren {
  readonly total: number;
  readonly queued: number;
  readonly running: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly canceled: number;
}

/** What a run's child keeps of its place in the run. */
export interface ChildInput {
  /** Its place in the request, from 0. */
  readonly item: number;
  /** The license that it was asked for, when there may be none of that key. */
  readonly licenseKey?: string;
}

export type OperationRow = Selectable<OperationsTable>;
/** An operation with its license's key beside it, and for a run with the number of its children that run just now. */
export type LabelledOperationRow = OperationRow & {
  license_key: string | null;
  children_running: number | null;
};

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
    ...labels(row),
    ...(row.result === null ? {} : { result: row.result }),
    ...(row.error === null ? {} : { error: row.error as StoredError }),
    createdAt: row.created_at.toISOString(),
    ...(row.started_at === null ? {} : { startedAt: row.started_at.toISOString() }),
    ...(row.finished_at === null ? {} : { finishedAt: row.finished_at.toISOString() }),
  };
}

function labels(row: LabelledOperationRow): Pick<Operation, "licenseKey" | "parentId" | "item" | "children"> {
  const { licenseKey, item } = row.input as Partial<ChildInput>;
  const key = row.license_key ?? licenseKey;
  return {
    ...(key === undefined ? {} : { licenseKey: key }),
    ...(row.parent_id === null ? {} : { parentId: row.parent_id }),
    ...(row.parent_id === null || item === undefined ? {} : { item }),
    ...(row.children === null ? {} : { children: toChildren(row, row.children) }),
  };
}

function toChildren(row: LabelledOperationRow, total: number): OperationChildren {
  const { children_succeeded: succeeded, children_failed: failed, children_canceled: canceled } = row;
  const running = row.children_running ?? 0;
  return {
    total,
    queued: total - succeeded - failed - canceled - running,
    running,
    succeeded,
    failed,
    canceled,
  };
}
