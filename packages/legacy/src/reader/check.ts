import type { DatabaseSync } from "node:sqlite";
import { quoteName } from "../convert/source-table.ts";
import type { SchemaObjects } from "./schema-objects.ts";
import { invalid, primaryCode, RESULT } from "./trouble.ts";

const MOST_MESSAGES = 1000;
/** What the check says of values that don't fit their columns' declarations: conversion's business, no damage. */
const ABOUT_VALUES = /^(?:NULL|NUMERIC|TEXT|non-\w+) value in /;
const SHOWN_CHARACTERS = 200;

/**
 * Has SQLite go through the file's trees (`PRAGMA quick_check`): every page of every table is where it should be, and can
 * be read. Virtual tables are passed over, since they would check themselves by code of their own.
 *
 * @throws Trouble for a damaged file; SQLite's error.
 */
export function checkIntegrity(
  db: DatabaseSync,
  { tables, leftOut }: SchemaObjects,
  onTable: () => void,
): void {
  if (!leftOut.some(({ kind }) => kind === "virtual")) {
    try {
      check(db, `${MOST_MESSAGES}`);
      return;
    } catch (error) {
      // One index with a collation or function of the old program's own: the tables are checked one by one.
      if (primaryCode(error) !== RESULT.error) throw error;
    }
  }
  for (const table of tables) {
    onTable();
    try {
      check(db, quoteName(table));
    } catch (error) {
      if (primaryCode(error) !== RESULT.error) throw error;
    }
  }
}

function check(db: DatabaseSync, what: string): void {
  const rows = db.prepare(`PRAGMA main.quick_check(${what})`).all();
  const messages = rows.map((row) => String(row.quick_check));
  const damage = messages.find((message) => message !== "ok" && !ABOUT_VALUES.test(message));
  if (damage !== undefined) throw invalid(`The file is damaged. SQLite's check says: ${printable(damage)}`);
}

function printable(message: string): string {
  return message
    .replaceAll(/[^\P{C}]+/gu, " ")
    .slice(0, SHOWN_CHARACTERS)
    .trim();
}
