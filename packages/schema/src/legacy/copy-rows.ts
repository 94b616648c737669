import type { PoolClient } from "../pool.ts";
import { type CopyTarget, copyBatch, copyTakenRows, RefusedError } from "./copy-batch.ts";
import { HighestIds } from "./highest-ids.ts";
import { ImportConstraintError } from "./import-errors.ts";
import type { QuarantinedRow, RefusedRow, TableFigures } from "./import-plan.ts";
import type { ImportTenantInput } from "./import-tenant.ts";
import type { TargetDescription } from "./target-description.ts";
import { VerificationError } from "./verify-tables.ts";

export interface LoadInput extends Pick<ImportTenantInput, "plan" | "open" | "onQuarantined" | "onProgress"> {
  readonly target: TargetDescription;
  /** What PostgreSQL has refused in earlier tries. */
  readonly refused: readonly RefusedRow[];
  /** Whether every row that PostgreSQL refuses is to be found, rather than the first alone. */
  readonly careful: boolean;
  /** A table's rows are all there, while the reader goes on with the next. */
  readonly onTableEnd: (table: number) => Promise<void>;
}

export interface Loaded {
  /** The reader's, in the order of the plan's tables. */
  readonly figures: readonly TableFigures[];
  /** Ids that rows in quarantine would come back with. */
  readonly quarantinedIds: HighestIds;
}

/**
 * Copies what the reader tells into the tables, as fast as PostgreSQL takes it: the reader waits meanwhile. One COPY for
 * each batch, so that PostgreSQL checks a batch's references when it ends, rather than keep all of a table's in memory.
 *
 * @throws RefusedError; VerificationError when the reader counts otherwise than it tells; the reader's error; the driver's
 */
export async function loadRows(client: PoolClient, input: LoadInput): Promise<Loaded> {
  const { plan } = input;
  const known = new Map(input.target.tables.map((table) => [table.name, table]));
  const figures: TableFigures[] = [];
  const quarantined: number[] = [];
  const quarantinedIds = new HighestIds(plan, input.target);
  const found: RefusedRow[] = [];
  const lacksRows = (name: string): boolean => found.some(({ table }) => plan.tables[table]?.target === name);
  const waiting = new WaitingRows(input.onQuarantined);
  let done = 0;
  // Leaving the loop, however, ends the reader.
  for await (const event of input.open(input.refused)) {
    const table = plan.tables[event.table];
    if (table === undefined) throw new Error(`the plan has no table ${event.table}`);
    if (figures[event.table] !== undefined) {
      throw new Error(`the reader tells of table ${table.source} after its end`);
    }
    switch (event.kind) {
      case "rows": {
        const target: CopyTarget = { client, plan: table, known: known.get(table.target), lacksRows };
        if (input.careful) await copyTakenRows(target, event, found);
        else await copyBatch(target, event);
        done += event.rows;
        input.onProgress({ table: table.target, rows: done });
        break;
      }
      case "quarantined":
        quarantined[event.table] = (quarantined[event.table] ?? 0) + 1;
        quarantinedIds.add(event.table, event.row);
        await waiting.add(event.row);
        break;
      case "table-end":
        figures[event.table] = event.figures;
        agree(event.figures, quarantined[event.table] ?? 0);
        await waiting.handOn();
        await input.onTableEnd(event.table).catch((error: unknown) => {
          // What was found isn't there, and other rows may refer to it.
          throw found.length > 0 && error instanceof ImportConstraintError
            ? new RefusedError(found, error)
            : error;
        });
    }
  }
  if (found.length > 0) throw new RefusedError(found);
  await waiting.handOn();
  const missing = plan.tables.find((_, index) => figures[index] === undefined);
  if (missing !== undefined) throw new Error(`the reader has not come to the end of table ${missing.source}`);
  return { figures, quarantinedIds };
}

/** A row that the reader neither copies nor hands over would be lost, and its figures alone don't show it. */
function agree({ target, quarantined }: TableFigures, handedOver: number): void {
  if (quarantined === handedOver) return;
  throw new VerificationError(target, "rows in quarantine", String(quarantined), String(handedOver));
}

/** Quarantined rows handed on at once. */
const ROWS_AT_ONCE = 500;
/** Fewer, when their text is longer than this, in characters. */
const TEXT_AT_ONCE = 2_000_000;

/** Quarantined rows that wait to be handed on. */
class WaitingRows {
  readonly #handOn: ImportTenantInput["onQuarantined"];
  #rows: QuarantinedRow[] = [];
  #text = 0;

  constructor(handOn: ImportTenantInput["onQuarantined"]) {
    this.#handOn = handOn;
  }

  async add(row: QuarantinedRow): Promise<void> {
    this.#rows.push(row);
    this.#text += JSON.stringify(row.row).length;
    if (this.#rows.length >= ROWS_AT_ONCE || this.#text >= TEXT_AT_ONCE) await this.handOn();
  }

  async handOn(): Promise<void> {
    const rows = this.#rows;
    this.#rows = [];
    this.#text = 0;
    if (rows.length > 0) await this.#handOn(rows);
  }
}
