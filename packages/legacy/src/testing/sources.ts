import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import type { ImportEvent, ImportPlan, SourceDescription } from "@tenantry/schema";
import { onTestFinished } from "vitest";
import { SourceReaders, type SourceReadersOptions } from "../index.ts";

/** A folder for one test's files, under a name that needs care. */
export function makeRoot(): string {
  const parent = mkdtempSync(join(tmpdir(), "legacy-test-"));
  onTestFinished(() => rmSync(parent, { recursive: true, force: true }));
  const root = join(parent, "old data, ملفات #1%20?");
  mkdirSync(root);
  return root;
}

/** Makes an SQLite file by statements, and closes it. */
export function makeFile(root: string, name: string, ...statements: string[]): string {
  const path = join(root, name);
  mkdirSync(dirname(path), { recursive: true });
  using db = new DatabaseSync(path, { defensive: false, enableForeignKeyConstraints: false });
  for (const statement of statements) db.exec(statement);
  return path;
}

/** A table `items` with so many rows and some hundred bytes in each. */
export function manyRows(rows: number, bytes = 200): string {
  return `CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
    INSERT INTO items SELECT i, printf('%.${bytes}c', 'x') || i FROM n`;
}

export function insertRow(path: string, sql: string, ...values: SQLInputValue[]): void {
  using db = new DatabaseSync(path);
  db.prepare(sql).run(...values);
}

export function openReaders(options: Partial<SourceReadersOptions> = {}): SourceReaders {
  const readers = new SourceReaders({ max: 2, ...options });
  onTestFinished(() => readers.close());
  return readers;
}

/** A plan that takes every column of every table as text. */
export function planOf(description: SourceDescription): ImportPlan {
  return {
    tables: description.tables.map(({ name, columns }) => ({
      source: name,
      target: `legacy_${name}`,
      extra: true,
      columns: columns.map((column) => ({
        source: column.name,
        target: column.name,
        value: { kind: "anything" },
        whenNull: { kind: "null" },
        summed: false,
      })),
      key: null,
      unique: [],
      references: [],
      owner: null,
      secrets: [],
    })),
  };
}

export async function describedImport(
  readers: SourceReaders,
  root: string,
  file: string,
  signal?: AbortSignal,
): Promise<AsyncIterable<ImportEvent>> {
  const description = await readers.describe(root, file);
  const source = { root, file, sha256: description.sha256, plan: planOf(description) };
  return readers.openImport(signal === undefined ? source : { ...source, signal })([]);
}

/** The lines of COPY's text that an import brings. */
export async function copiedLines(events: AsyncIterable<ImportEvent>): Promise<string[]> {
  const lines: string[] = [];
  for await (const event of events) {
    if (event.kind === "rows") lines.push(...event.text.toString("utf8").split("\n").slice(0, -1));
  }
  return lines;
}

/** The readers that run, as children of a process. */
export function readerPids(parent = process.pid): number[] {
  const processes =
    process.platform === "linux"
      ? readdirSync("/proc")
          .filter((name) => /^\d+$/.test(name))
          .flatMap((pid) => {
            const fields = statFields(Number(pid));
            return fields === null ? [] : [{ pid: Number(pid), parent: Number(fields[1]), state: fields[0] }];
          })
      : execFileSync("ps", ["-A", "-o", "pid=,ppid=,state="], { encoding: "utf8" })
          .split("\n")
          .map((line) => {
            const [pid, ppid, state] = line.trim().split(/\s+/);
            return { pid: Number(pid), parent: Number(ppid), state };
          });
  return processes
    .filter((each) => each.parent === parent && !each.state?.startsWith("Z"))
    .map(({ pid }) => pid)
    .filter((pid) => commandLine(pid).includes("main.ts"));
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== "linux" || !["Z", "X"].includes(statFields(pid)?.[0] ?? "X");
  } catch {
    return false;
  }
}

/** State, parent and so on: what comes after the program's name. */
function statFields(pid: number): string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return null;
  }
}

function commandLine(pid: number): string {
  if (process.platform !== "linux") {
    return execFileSync("ps", ["-ww", "-o", "args=", "-p", String(pid)], { encoding: "utf8" });
  }
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}
