import { createHash } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import {
  copiedLines,
  describedImport,
  makeFile,
  makeRoot,
  manyRows,
  openReaders,
} from "./testing/sources.ts";

vi.setConfig({ testTimeout: 120_000 });

function open(path: string): DatabaseSync {
  const db = new DatabaseSync(path);
  onTestFinished(() => {
    if (db.isOpen) db.close();
  });
  return db;
}

/** The folder's files and what is in them. */
function contents(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder).map((name) => [
      name,
      createHash("sha256")
        .update(readFileSync(join(folder, name)))
        .digest("hex"),
    ]),
  );
}

/** A folder for readers' copies, that the test can look into. */
function copiesFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "legacy-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function copyWithSidecars(path: string, to: string): void {
  for (const suffix of ["", "-wal", "-journal"]) {
    if (existsSync(`${path}${suffix}`)) copyFileSync(`${path}${suffix}`, `${to}${suffix}`);
  }
}

/** A file in WAL mode whose last rows are in its write-ahead log alone, as after the crash of its program. */
function makeWithWal(root: string): string {
  const path = makeFile(root, "live/a.db", "PRAGMA journal_mode = WAL", manyRows(10));
  const db = open(path);
  db.exec("PRAGMA wal_autocheckpoint = 0; INSERT INTO items VALUES (11, 'committed'), (12, 'too')");
  copyWithSidecars(path, join(root, "a.db"));
  db.close();
  return join(root, "a.db");
}

/** A file whose writer was cut off in the middle of a transaction that had already changed pages. */
function makeWithHotJournal(root: string, rows = 5000): string {
  const path = makeFile(root, "live/a.db", manyRows(rows));
  const db = open(path);
  db.exec(
    "PRAGMA cache_size = 5; BEGIN; UPDATE items SET name = 'half done'; DELETE FROM items WHERE id > 10",
  );
  copyWithSidecars(path, join(root, "a.db"));
  db.exec("ROLLBACK");
  db.close();
  return join(root, "a.db");
}

describe("a write-ahead log beside a file", () => {
  it("has its committed rows read, and stays as it is", async () => {
    const root = makeRoot();
    const path = makeWithWal(root);
    rmSync(join(root, "live"), { recursive: true });
    const before = contents(root);
    expect(Object.keys(before)).toEqual(["a.db", "a.db-wal"]);
    const copies = copiesFolder();
    const readers = openReaders({ temporaryDirectory: copies });
    const description = await readers.describe(root, "a.db");
    expect(description.tables).toMatchObject([{ name: "items", rows: 12 }]);
    const both = createHash("sha256")
      .update(readFileSync(path))
      .update(readFileSync(`${path}-wal`));
    expect(description.sha256).toBe(both.digest("hex"));
    expect(description.bytes).toBe(statSync(path).size + statSync(`${path}-wal`).size);
    const lines = await copiedLines(await describedImport(readers, root, "a.db"));
    expect(lines.slice(-2)).toEqual(["11\tcommitted", "12\ttoo"]);
    expect(await readers.folder(root).rows("a.db", "items")).toHaveLength(12);
    expect(contents(root)).toEqual(before);
    // Nothing of the copy is left: neither now, nor when the readers have gone.
    expect(readdirSync(copies).flatMap((name) => readdirSync(join(copies, name)))).toEqual([]);
    await readers.close();
    expect(readdirSync(copies)).toEqual([]);
  });

  it("counts as a change when it comes after the plan", async () => {
    const root = makeRoot();
    const path = makeFile(root, "a.db", "PRAGMA journal_mode = WAL", manyRows(10));
    const events = await describedImport(openReaders(), root, "a.db");
    const db = open(path);
    db.exec("PRAGMA wal_autocheckpoint = 0; INSERT INTO items VALUES (11, 'new')");
    await expect(copiedLines(events)).rejects.toMatchObject({
      code: "SOURCE_INVALID",
      message: expect.stringMatching(/changed/),
    });
  });

  it("of a program that is still running is read as far as it is committed", async () => {
    const root = makeRoot();
    const path = makeFile(root, "a.db", "PRAGMA journal_mode = WAL", manyRows(10));
    const db = open(path);
    db.exec("PRAGMA wal_autocheckpoint = 0; INSERT INTO items VALUES (11, 'committed')");
    db.exec("PRAGMA cache_size = 5; BEGIN");
    db.exec(
      "WITH RECURSIVE n (i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) INSERT INTO items SELECT i, 'not yet' FROM n",
    );
    expect((await openReaders().describe(root, "a.db")).tables).toMatchObject([{ rows: 11 }]);
    db.exec("COMMIT");
    expect((await openReaders().describe(root, "a.db")).tables).toMatchObject([{ rows: 4912 }]);
  });

  it("that is damaged or a stranger's changes nothing", async () => {
    const root = makeRoot();
    makeFile(root, "a.db", "PRAGMA journal_mode = WAL", manyRows(10));
    writeFileSync(join(root, "a.db-wal"), Buffer.alloc(10_000, 0x37));
    expect((await openReaders().describe(root, "a.db")).tables).toMatchObject([{ rows: 10 }]);
  });

  it("is not needed: a file in WAL mode without one is read where it lies, and nothing is made beside it", async () => {
    const root = makeRoot();
    const path = makeFile(root, "a.db", "PRAGMA journal_mode = WAL", manyRows(10));
    writeFileSync(`${path}-shm`, Buffer.alloc(32_768));
    chmodSync(path, 0o444);
    chmodSync(root, 0o555);
    onTestFinished(() => chmodSync(root, 0o755));
    const before = contents(root);
    const copies = copiesFolder();
    const readers = openReaders({ temporaryDirectory: copies });
    expect((await readers.describe(root, "a.db")).tables).toMatchObject([{ rows: 10 }]);
    expect(contents(root)).toEqual(before);
  });
});

describe("a journal beside a file", () => {
  it("of a writer that was cut off is rolled back, in a copy", async () => {
    const root = makeRoot();
    const path = makeWithHotJournal(root);
    rmSync(join(root, "live"), { recursive: true });
    const before = contents(root);
    expect(readFileSync(path).includes("half done")).toBe(true);
    const readers = openReaders();
    expect((await readers.describe(root, "a.db")).tables).toMatchObject([{ rows: 5000 }]);
    const lines = await copiedLines(await describedImport(readers, root, "a.db"));
    expect(lines).toHaveLength(5000);
    expect(lines.filter((line) => line.includes("half done"))).toEqual([]);
    expect(contents(root)).toEqual(before);
  });

  it("that is done with is passed over", async () => {
    const root = makeRoot();
    const path = makeFile(
      root,
      "a.db",
      manyRows(10),
      "PRAGMA journal_mode = PERSIST",
      "INSERT INTO items VALUES (11, 'more')",
    );
    expect(statSync(`${path}-journal`).size).toBeGreaterThan(0);
    expect((await openReaders().describe(root, "a.db")).tables).toMatchObject([{ rows: 11 }]);
  });

  it("can't have another file deleted", async () => {
    const root = makeRoot();
    const path = makeWithHotJournal(root);
    // As SQLite writes it for a transaction over several databases: rolled back, it deletes the file that is named.
    const victim = join(root, "..", "victim");
    writeFileSync(victim, "");
    const name = Buffer.from(victim);
    const tail = Buffer.alloc(8);
    tail.writeUInt32BE(name.length, 0);
    tail.writeUInt32BE(name.reduce((sum, byte) => sum + byte, 0) >>> 0, 4);
    const page = Buffer.alloc(4);
    page.writeUInt32BE(2 ** 30 / 4096 + 1);
    appendFileSync(
      `${path}-journal`,
      Buffer.concat([page, name, tail, Buffer.from("d9d505f920a163d7", "hex")]),
    );
    await expect(openReaders().describe(root, "a.db")).rejects.toMatchObject({
      code: "SOURCE_INVALID",
      message: expect.stringMatching(/transaction over several files/),
    });
    expect(existsSync(victim)).toBe(true);
  });
});

describe("a file that another program writes", () => {
  it("is busy as long as that holds it locked, and is read afterwards", async () => {
    const root = makeRoot();
    const path = makeFile(root, "a.db", manyRows(10));
    const readers = openReaders();
    const db = open(path);
    const busy = { name: "SourceError", code: "SOURCE_BUSY", file: "a.db" };
    for (const [begin, end] of [
      ["BEGIN EXCLUSIVE", "ROLLBACK"],
      ["BEGIN EXCLUSIVE; INSERT INTO items VALUES (11, 'new')", "COMMIT"],
      ["PRAGMA cache_size = 1; BEGIN IMMEDIATE; UPDATE items SET name = printf('%.9999c', 'x')", "ROLLBACK"],
      // Elsewhere nobody can tell before it really writes.
      ...(process.platform === "linux" ? ([["BEGIN IMMEDIATE", "ROLLBACK"]] as const) : []),
    ] as const) {
      db.exec(begin);
      await expect(readers.describe(root, "a.db")).rejects.toMatchObject(busy);
      await expect(readers.folder(root).rows("a.db", "items")).rejects.toMatchObject(busy);
      db.exec(end);
    }
    expect((await readers.describe(root, "a.db")).tables).toMatchObject([{ rows: 11 }]);
  });

  it("is read when the program only has it open", async () => {
    const root = makeRoot();
    const db = open(makeFile(root, "a.db", manyRows(10)));
    db.exec("BEGIN; SELECT * FROM items");
    expect((await openReaders().describe(root, "a.db")).tables).toMatchObject([{ rows: 10 }]);
  });

  it("is kept from being written until it is read", async () => {
    const root = makeRoot();
    const path = makeFile(root, "a.db", manyRows(100_000));
    const events = (await describedImport(openReaders(), root, "a.db"))[Symbol.asyncIterator]();
    await events.next();
    const db = open(path);
    expect(() => db.exec("BEGIN EXCLUSIVE")).toThrow(expect.objectContaining({ errcode: 5 }));
    await events.return?.();
    db.exec("BEGIN EXCLUSIVE; ROLLBACK");
  });
});

describe("copies of files", () => {
  it("lie where nobody else can look, and are gone when a reader is killed", async () => {
    const root = makeRoot();
    makeWithHotJournal(root, 20_000);
    const copies = copiesFolder();
    const readers = openReaders({ temporaryDirectory: copies });
    const events = (await describedImport(readers, root, "a.db"))[Symbol.asyncIterator]();
    await events.next();
    const [folder = ""] = readdirSync(copies);
    expect(statSync(join(copies, folder)).mode & 0o777).toBe(0o700);
    await events.return?.();
    expect(readdirSync(copies)).toEqual([]);
  });

  it("of a process that was killed are removed by the next one, and nobody else's", async () => {
    const root = makeRoot();
    makeFile(root, "a.db", manyRows(10));
    const copies = copiesFolder();
    // It must outlive the test's waiting: an idle reader ends soon, and takes its folder with it.
    const first = openReaders({ temporaryDirectory: copies, idleMs: 60_000 });
    await first.describe(root, "a.db");
    const [live = ""] = readdirSync(copies);
    // No process has such a number.
    const dead = live.replace(`-${process.pid}-`, "-99999999-");
    const elsewhere = dead.replace(/^tenantry-reader-.{8}/, "tenantry-reader-00000000");
    const another = live.replace(`-${process.pid}-`, `-${process.ppid}-`);
    for (const name of [dead, another, elsewhere, "tenantry-reader-x", "other"]) {
      mkdirSync(join(copies, name));
      writeFileSync(join(copies, name, "source.db"), "");
    }
    await openReaders({ temporaryDirectory: copies }).describe(root, "a.db");
    const left = readdirSync(copies);
    expect(left).toEqual(expect.arrayContaining([live, another, elsewhere, "other", "tenantry-reader-x"]));
    expect(left).not.toContain(dead);
  });

  it("that find no place don't count as the file's fault, and are made elsewhere the next time", async () => {
    const root = makeRoot();
    makeWithWal(root);
    const copies = copiesFolder();
    const readers = openReaders({ temporaryDirectory: copies });
    await readers.describe(root, "a.db");
    // As a janitor does with what nobody has touched for days.
    for (const name of readdirSync(copies)) rmSync(join(copies, name), { recursive: true });
    await expect(readers.describe(root, "a.db")).rejects.toMatchObject({ code: "READER_LOST" });
    expect((await readers.describe(root, "a.db")).tables).toMatchObject([{ rows: 12 }]);
  });
});
