import { afterAll, expect, it } from "vitest";
import { createTestDatabase } from "../../../../test/support/database.ts";
import { compileBlueprint } from "../blueprint/compile.ts";
import { describeTarget } from "../legacy/describe-target.ts";
import { createPool } from "../pool.ts";
import { BLUEPRINTS } from "./index.ts";

const database = await createTestDatabase();
const pool = createPool({
  connectionString: database.url,
  applicationName: "test",
  max: 1,
  statementTimeout: 30_000,
  lockTimeout: 10_000,
  idleInTransactionTimeout: 15_000,
  onConnectionLost: () => undefined,
});
afterAll(() => pool.end());

it.each(BLUEPRINTS)(
  "the legacy mappings of $name tell every reference that a generated column carries, so that a reader can find orphans",
  async (blueprint) => {
    const { tables } = await describeTarget(pool, await compileBlueprint(blueprint));
    for (const { name, columns, references } of tables) {
      const generated = new Set(columns.filter((column) => column.generated).map((column) => column.name));
      const wanted = references
        .filter((reference) => reference.columns.some((column) => generated.has(column)))
        .map((reference) => reference.table);
      for (const { mapping } of blueprint.legacy ?? []) {
        const told = (mapping.tables[name]?.references ?? []).map((reference) => reference.table);
        expect({ name, told: [...told].sort() }).toEqual({ name, told: [...wanted].sort() });
      }
    }
  },
);

it.each(BLUEPRINTS)(
  "the legacy mappings of $name speak of tables and columns that are there",
  async (blueprint) => {
    const { tables } = await describeTarget(pool, await compileBlueprint(blueprint));
    const columnsOf = (table: string): string[] =>
      tables.find(({ name }) => name === table)?.columns.map(({ name }) => name) ?? [];
    const faults: string[] = [];
    const check = (table: string, column: string): void => {
      if (!columnsOf(table).includes(column)) faults.push(`${table}.${column}`);
    };
    for (const { mapping } of blueprint.legacy ?? []) {
      for (const [source, table] of Object.entries(mapping.tables)) {
        if (table.target === null) continue;
        const target = table.target ?? source;
        for (const column of Object.keys(table.constants ?? {})) check(target, column);
        for (const reference of table.references ?? []) {
          check(target, reference.column);
          check(target, reference.when.column);
          check(reference.table, "id");
        }
        for (const equal of table.equal ?? []) {
          for (const column of [equal.column, equal.to, equal.when.column]) check(target, column);
        }
        for (const [name, column] of Object.entries(table.columns ?? {})) {
          if (column.aside === true) continue;
          const targets = column.targets ?? [name];
          for (const each of targets) check(target, each);
          for (const each of [column.rule, column.pattern, column.strip].flatMap((by) =>
            Object.keys(by ?? {}),
          )) {
            if (!targets.includes(each)) faults.push(`${target}.${each}`);
          }
        }
      }
    }
    expect(faults).toEqual([]);
  },
);
