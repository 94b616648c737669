import { type ItemDifferences, type LegacyItem, printable } from "@tenantry/tenancy";
import { count } from "../output/license-text.ts";
import type { Column } from "../output/table.ts";

const WILL: Readonly<Record<LegacyItem["foresight"], string>> = {
  import: "move with its data",
  create: "get a fresh tenant",
  skip: "be left as it is",
  refuse: "not be moved",
};

const BECAME: Readonly<Record<NonNullable<LegacyItem["outcome"]>, string>> = {
  imported: "moved",
  created: "fresh tenant",
  skipped: "left as it was",
};

/** Which license: its key, and its name in the source where that is another. */
const LICENSE: Column<LegacyItem> = {
  title: "LICENSE",
  cell: ({ licenseKey, name }) =>
    printable(licenseKey === null || licenseKey === name ? name : `${licenseKey} (${name})`),
};
const CLIENT: Column<LegacyItem> = { title: "CLIENT", cell: ({ clientName }) => printable(clientName) };

/** What is to become of each license, by the plan. */
export const PLAN_COLUMNS: readonly Column<LegacyItem>[] = [
  LICENSE,
  CLIENT,
  { title: "WILL", cell: ({ foresight }) => WILL[foresight] },
  {
    title: "ROWS",
    cell: ({ file, rowsPlanned }) => (file === null ? "" : String(rowsPlanned)),
    align: "right",
  },
  { title: "FILE", cell: ({ file }) => printable(file ?? "") },
  { title: "SAYS", cell: (item) => printable(planSays(item)) },
];

/** What became of each license. */
export const ITEM_COLUMNS: readonly Column<LegacyItem>[] = [
  LICENSE,
  CLIENT,
  { title: "STATE", cell: ({ state }) => state },
  { title: "BECAME", cell: ({ outcome }) => (outcome === null ? "" : BECAME[outcome]) },
  { title: "ROWS", cell: ({ rowsDone }) => String(rowsDone), align: "right" },
  { title: "QUARANTINE", cell: ({ quarantined }) => String(quarantined), align: "right" },
  { title: "SAYS", cell: (item) => printable(itemSays(item)) },
];

/** Why a license can't be moved, or what somebody should know of it. */
export function itemSays({ error, notes }: LegacyItem): string {
  return error === undefined ? notes.join(" ") : `${error.code}: ${error.detail}`;
}

function planSays(item: LegacyItem): string {
  const differences = item.differences === null ? "" : differencesText(item.differences);
  return [itemSays(item), differences].filter((text) => text !== "").join(" ");
}

/** `Keeps 1 unknown table; lacks 2 tables, 3 columns; leaves out licenses.` */
function differencesText(differences: ItemDifferences): string {
  const { unknownTables, unknownColumns, missingTables, missingColumns, leftOut } = differences;
  const list = (parts: readonly (readonly [readonly unknown[], string])[]): string =>
    parts
      .filter(([found]) => found.length > 0)
      .map(([found, what]) => count(found.length, what, `${what}s`))
      .join(", ");
  const kept = list([
    [unknownTables, "unknown table"],
    [unknownColumns, "unknown column"],
  ]);
  const lacks = list([
    [missingTables, "table"],
    [missingColumns, "column"],
  ]);
  const parts = [
    ...(kept === "" ? [] : [`keeps ${kept}`]),
    ...(lacks === "" ? [] : [`lacks ${lacks}`]),
    ...(leftOut.length === 0 ? [] : [`leaves out ${named(leftOut)}`]),
  ];
  const text = parts.join("; ");
  return text === "" ? "" : `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** What the mapping leaves out on purpose; the report has all of it, with the reasons. */
const NAMED = 3;

function named(leftOut: ItemDifferences["leftOut"]): string {
  const names = leftOut.map(({ table, column }) => (column === null ? table : `${table}.${column}`));
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : "";
  return names.slice(0, NAMED).join(", ") + more;
}
