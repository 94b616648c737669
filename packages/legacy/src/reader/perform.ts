import type { ImportEvent } from "@tenantry/schema/legacy";
import { streamImport, TooManyQuarantinedError } from "../convert/index.ts";
import type { ReaderCommand } from "../protocol.ts";
import { describeTable } from "./describe.ts";
import type { FrameWriter } from "./frame-writer.ts";
import { type OpenSource, openSource } from "./open-source.ts";
import { readRecords } from "./read-records.ts";
import { invalid, Trouble, troubleOf } from "./trouble.ts";

/** A plan that was made for another file is good for nothing; a file that is looked at may be so again. */
function changed(kind: ReaderCommand["kind"]): Trouble {
  return kind === "import"
    ? invalid("The file has changed since it was planned.")
    : new Trouble("SOURCE_BUSY", "Another program wrote to the file while it was read.");
}

/**
 * Carries a command out, and writes what it brings. Never throws, but for a parent that has gone: trouble is the last
 * frame.
 *
 * @param folder private, for copies of files.
 */
export function perform(command: ReaderCommand, folder: string, writer: FrameWriter): void {
  try {
    const source = openSource(command.file, command.maxFileBytes, folder, writer);
    try {
      carryOut(command, source, writer);
    } catch (error) {
      // What a changing file looks like to SQLite may be anything.
      if (error instanceof Trouble || troubleOf(error) === null || source.looksUntouched()) throw error;
      throw changed(command.kind);
    } finally {
      source.close();
    }
    writer.write({ kind: "done" });
  } catch (error) {
    if (isPipeBroken(error)) throw error;
    tellTrouble(error, writer);
  }
  writer.flush();
}

function carryOut(command: ReaderCommand, source: OpenSource, writer: FrameWriter): void {
  switch (command.kind) {
    case "describe":
      describe(source, writer);
      break;
    case "rows":
      records(source, command.table, writer);
      break;
    case "import":
      stream(source, command, writer);
  }
}

function stream(
  source: OpenSource,
  { sha256, plan, refused }: Extract<ReaderCommand, { kind: "import" }>,
  writer: FrameWriter,
): void {
  if (source.sha256 !== sha256) throw changed("import");
  const emit = (event: ImportEvent): void => {
    if (event.kind === "rows") {
      const { kind, table, rows, rowIds, text } = event;
      writer.write({ kind, table, rows, rowIds: rowIds.join(",") }, text);
    } else {
      writer.write({ kind: "event", event });
    }
  };
  streamImport(source.db, plan, refused, emit, () => writer.alive());
  if (source.hashNow() !== sha256 || !source.looksUntouched()) throw changed("import");
}

function describe(source: OpenSource, writer: FrameWriter): void {
  const tables = source.tables.map((name) => {
    writer.alive();
    return describeTable(source.db, name);
  });
  if (!source.looksUntouched()) throw changed("describe");
  const { sha256, bytes, leftOut } = source;
  writer.write({ kind: "description", description: { sha256, bytes, tables, leftOut } });
}

function records(source: OpenSource, asked: string, writer: FrameWriter): void {
  const table = source.tables.find((name) => name === asked);
  if (table === undefined) return;
  readRecords(source.db, table, (batch) => writer.write({ kind: "records", records: batch }));
}

function tellTrouble(error: unknown, writer: FrameWriter): void {
  if (error instanceof TooManyQuarantinedError) {
    writer.write({ kind: "failed", code: "SOURCE_INVALID", detail: error.message });
    return;
  }
  const trouble = troubleOf(error);
  if (trouble !== null) {
    writer.write({ kind: "failed", code: trouble.code, detail: trouble.message });
    return;
  }
  const { name, stack = "" } = error instanceof Error ? error : new Error();
  const trace = stack.split("\n").filter((line) => /^\s+at /.test(line));
  writer.write({ kind: "defect", name, trace: trace.join("\n") });
}

/** Only writing to the parent can end so. */
export function isPipeBroken(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EPIPE";
}
