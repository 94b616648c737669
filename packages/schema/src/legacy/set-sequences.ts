import { quoteIdentifier, quoteLiteral } from "../identifier.ts";
import type { Queryable } from "../pool.ts";
import { type HighestIds, numberedColumn } from "./highest-ids.ts";
import type { ImportPlan } from "./import-plan.ts";
import { moveSequences } from "./move-sequences.ts";
import type { TargetDescription } from "./target-description.ts";
import type { FoundFigures } from "./verify-tables.ts";

export interface NumberedRows {
  readonly plan: ImportPlan;
  readonly target: TargetDescription;
  readonly schema: string;
  readonly found: readonly FoundFigures[];
  readonly quarantinedIds: HighestIds;
}

/**
 * Sets the sequences of loaded tables past the highest ids, those of rows in quarantine among them, so that these find their
 * ids free when they come back. For the schema that is the only one on the path.
 *
 * Past a table's last number no sequence goes, and the next row would be refused though nearly all numbers are free: there
 * it goes on from the row before the widest gap.
 */
export async function setSequences(client: Queryable, rows: NumberedRows): Promise<void> {
  const numbered = numberedTables(rows);
  const others = rows.plan.tables.flatMap(({ target: name, extra }) => {
    const columns = rows.target.tables.find((table) => table.name === name)?.columns ?? [];
    const first = numberedColumn(rows.target, name);
    return extra
      ? []
      : moveSequences(rows.schema, { name, columns: columns.filter((each) => each.name !== first) });
  });
  if (others.length > 0) await client.query(others.join(""));
  if (numbered.length === 0) return;
  const { rows: set } = await client.query<SetSequence>(settingQuery(numbered));
  for (const { place, sequence, least, most, full } of set) {
    const each = numbered[place];
    if (full === true && each !== undefined) await client.query(gapQuery(each, sequence, least, most));
  }
}

interface Numbered {
  readonly table: string;
  readonly column: string;
  readonly sequence: string;
  readonly highest: string | null;
  readonly quarantined: bigint | null;
}

interface SetSequence {
  readonly place: number;
  readonly sequence: string;
  readonly least: string;
  readonly most: string;
  /** It has no number left behind the highest row's; null for no row. */
  readonly full: boolean | null;
}

function numberedTables({ plan, target, schema, found, quarantinedIds }: NumberedRows): Numbered[] {
  return plan.tables.flatMap(({ target: table, extra }, place) => {
    const column = extra ? null : numberedColumn(target, table);
    const highest = found.find((each) => each.place === place)?.highest ?? null;
    const quarantined = quarantinedIds.of(place);
    if (column === null || (highest === null && quarantined === null)) return [];
    const name = `${quoteIdentifier(schema)}.${quoteIdentifier(table)}`;
    const sequence = `pg_get_serial_sequence(${quoteLiteral(name)}, ${quoteLiteral(column)})::regclass`;
    return { table, column, sequence, highest, quarantined };
  });
}

/** Sets every sequence that has a number left, never back. */
function settingQuery(numbered: readonly Numbered[]): string {
  const values = numbered.map(
    ({ sequence, highest, quarantined }, place) =>
      `(${place}, ${sequence}, ${highest ?? "NULL"}::numeric, ${quarantined ?? "NULL"}::numeric)`,
  );
  return `
    SELECT place, sequence::text, seqmin::text AS least, seqmax::text AS most, highest >= seqmax AS full,
      CASE WHEN wanted < seqmax AND wanted > coalesce(pg_sequence_last_value(sequence), seqstart - 1)
        THEN setval(sequence, wanted::bigint) END
    FROM (VALUES ${values.join(", ")}) AS ids (place, sequence, highest, quarantined)
    JOIN pg_sequence ON seqrelid = sequence
    CROSS JOIN LATERAL greatest(highest, CASE WHEN quarantined < seqmax THEN quarantined END) AS wanted`;
}

/** Gaps before the first row and behind the last count as well. */
function gapQuery({ table, column }: Numbered, sequence: string, least: string, most: string): string {
  const id = quoteIdentifier(column);
  return `
    WITH taken AS (
      SELECT ${id}::numeric AS id FROM ${quoteIdentifier(table)} WHERE ${id} BETWEEN ${least} AND ${most}
      UNION ALL SELECT ${most}::numeric + 1
    ), neighbours AS (
      SELECT id, lag(id, 1, ${least}::numeric - 1) OVER (ORDER BY id) AS previous FROM taken
    )
    SELECT setval(${quoteLiteral(sequence)}, greatest(previous, ${least})::bigint, previous >= ${least})
    FROM neighbours ORDER BY id - previous DESC, id LIMIT 1`;
}
