import type {
  LegacyForesight,
  LegacyItemsTable,
  LegacyOutcome,
  OperationState,
  TableFigures,
} from "@tenantry/schema";
import type { Selectable } from "kysely";
import type { StoredError } from "../errors.ts";

export type LegacyItemState = "planned" | OperationState;

/** One license of a legacy source and what has become of it, as users see it. */
export interface LegacyItem {
  readonly id: string;
  /** Which it is, within the source: its key, or its folder. */
  readonly name: string;
  /** Where it stands in the source, for people. */
  readonly source: string;
  readonly licenseKey: string | null;
  readonly clientName: string;
  /** `planned` while nobody is to move it: in a dry run. */
  readonly state: LegacyItemState;
  /** What the plan expected to become of it. */
  readonly foresight: LegacyForesight;
  readonly outcome: LegacyOutcome | null;
  readonly operationId: string | null;
  /** Relative to the source; null for a license without data. */
  readonly file: string | null;
  readonly sha256: string | null;
  readonly bytes: number | null;
  readonly rowsPlanned: number;
  /** Rows that its tenant got. */
  readonly rowsDone: number;
  readonly tables: readonly ItemTable[];
  /** What of its file doesn't fit the blueprint's tables; null for one without data, or whose file couldn't be read. */
  readonly differences: ItemDifferences | null;
  readonly quarantined: number;
  readonly error?: StoredError;
  /** What somebody should know of it. */
  readonly notes: readonly string[];
}

/** A table of a license's file. The last three are null until it was read. */
export interface ItemTable {
  readonly source: string;
  readonly target: string;
  /** True of one that the blueprint doesn't know. */
  readonly extra: boolean;
  readonly rows: number;
  readonly read: number | null;
  readonly copied: number | null;
  readonly quarantined: number | null;
}

/** How a file differs from the blueprint's tables. */
export interface ItemDifferences {
  /** Tables of the blueprint that the file lacks: they hold what every new tenant has in them. */
  readonly missingTables: readonly string[];
  readonly missingColumns: readonly { readonly table: string; readonly column: string }[];
  /** Tables and columns that the blueprint doesn't know, and where they are kept. */
  readonly unknownTables: readonly { readonly table: string; readonly as: string; readonly rows: number }[];
  readonly unknownColumns: readonly {
    readonly table: string;
    readonly column: string;
    readonly as: string;
  }[];
  readonly leftOut: readonly {
    readonly table: string;
    readonly column: string | null;
    readonly reason: string;
  }[];
}

/** What the plan keeps of a license's file. */
export interface StoredPlan extends ItemDifferences {
  readonly tables: readonly PlannedTable[];
}

export interface PlannedTable {
  readonly source: string;
  readonly target: string;
  readonly extra: boolean;
  readonly rows: number;
}

/** Rows of a file's tables, each counted once: a table's unknown columns are kept as a second table beside it. */
export function countRows<T extends { readonly source: string }>(
  tables: readonly T[],
  rows: (table: T) => number,
): number {
  const once = new Map<string, number>();
  for (const table of tables) if (!once.has(table.source)) once.set(table.source, rows(table));
  return [...once.values()].reduce((sum, count) => sum + count, 0);
}

/** What is kept of a license that was moved with its data: its certificate of migration. */
export interface ImportReport {
  readonly tables: readonly ReportTable[];
  /** Foreign keys that were checked. */
  readonly foreignKeys: number;
  readonly quarantined: number;
  /** Times that the file was read: more than once when PostgreSQL refused rows. */
  readonly tries: number;
}

/** A table as it was read, copied and verified. */
export interface ReportTable extends TableFigures {
  readonly extra: boolean;
}

export type LegacyItemRow = Selectable<LegacyItemsTable>;

/** An item with its operation's state beside it. */
export type ItemWithState = Omit<
  LegacyItemRow,
  "run_id" | "position" | "facts" | "admin_password_hash" | "kept" | "description" | "refused"
> & {
  readonly operation_state: OperationState | null;
  readonly operation_error: object | null;
  /** Rows that are being copied just now. */
  readonly operation_done: string | null;
};

export function toLegacyItem(row: ItemWithState): LegacyItem {
  const report = row.report as ImportReport | null;
  const plan = row.planned as StoredPlan | null;
  const error = (row.operation_error ?? row.error) as StoredError | null;
  return {
    id: row.id,
    name: row.name,
    source: row.source,
    licenseKey: row.license_key,
    clientName: row.client_name,
    state: row.operation_state ?? "planned",
    foresight: row.foresight,
    outcome: row.outcome,
    operationId: row.operation_id,
    file: row.file,
    sha256: row.sha256,
    bytes: row.bytes === null ? null : Number(row.bytes),
    rowsPlanned: Number(row.rows_planned),
    rowsDone: row.operation_state === "running" ? Number(row.operation_done) : Number(row.rows_done),
    tables: itemTables(plan, report),
    differences: plan === null ? null : differencesOf(plan),
    quarantined: Number(row.quarantined),
    ...(error === null ? {} : { error }),
    notes: row.notes,
  };
}

function itemTables(plan: StoredPlan | null, report: ImportReport | null): ItemTable[] {
  const read = new Map(report?.tables.map((table) => [table.target, table]));
  const tables = plan?.tables ?? [];
  return tables.map(({ source, target, extra, rows }) => {
    const its = read.get(target);
    return {
      source,
      target,
      extra,
      rows,
      read: its?.read ?? null,
      copied: its?.copied ?? null,
      quarantined: its?.quarantined ?? null,
    };
  });
}

function differencesOf({ tables: _, ...differences }: StoredPlan): ItemDifferences {
  return differences;
}
