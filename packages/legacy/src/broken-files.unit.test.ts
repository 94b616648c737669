import { createHash } from "node:crypto";
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmdirSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  copiedLines,
  describedImport,
  makeFile,
  makeRoot,
  manyRows,
  openReaders,
} from "./testing/sources.ts";

vi.setConfig({ testTimeout: 120_000 });

/** Writes over a file in place, as a failing disk does. */
function overwrite(path: string, position: number, bytes: Uint8Array): void {
  const fd = openSync(path, "r+");
  writeSync(fd, bytes, 0, bytes.length, position);
  closeSync(fd);
}

function refusal(message: RegExp): object {
  return {
    name: "SourceError",
    code: "SOURCE_INVALID",
    file: "a.db",
    message: expect.stringMatching(message),
  };
}

describe("a file that is damaged is refused before anything is read of it", () => {
  it("with a page that holds rubbish", async () => {
    const root = makeRoot();
    const path = makeFile(root, "a.db", manyRows(5000));
    overwrite(path, 4096 * 20, Buffer.alloc(4096, 0xa5));
    await expect(openReaders().describe(root, "a.db")).rejects.toMatchObject(refusal(/damaged/));
  });

  it("with a page of zeros", async () => {
    const root = makeRoot();
    const path = makeFile(root, "a.db", manyRows(5000));
    overwrite(path, 4096 * 20, Buffer.alloc(4096));
    await expect(openReaders().describe(root, "a.db")).rejects.toMatchObject(refusal(/damaged/));
  });

  it("with damage where only long values lie", async () => {
    const root = makeRoot();
    const path = makeFile(root, "a.db", manyRows(10, 100_000));
    overwrite(path, 4096 * 20, Buffer.from([0, 0, 0, 0]));
    await expect(openReaders().describe(root, "a.db")).rejects.toMatchObject(refusal(/damaged/));
  });

  it("with a damaged schema", async () => {
    const root = makeRoot();
    const path = makeFile(root, "a.db", manyRows(100));
    overwrite(path, 100, Buffer.alloc(3996, 0xff));
    await expect(openReaders().describe(root, "a.db")).rejects.toMatchObject(refusal(/damaged/));
  });

  it("with a schema that isn't SQL", async () => {
    const root = makeRoot();
    makeFile(
      root,
      "a.db",
      "CREATE TABLE t (a)",
      "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE TABLE t (((('",
    );
    await expect(openReaders().describe(root, "a.db")).rejects.toMatchObject(refusal(/damaged/));
  });

  it("also where it is damaged under a virtual table's eyes", async () => {
    const root = makeRoot();
    const path = makeFile(root, "a.db", manyRows(5000), "CREATE VIRTUAL TABLE search USING fts5(words)");
    overwrite(path, 4096 * 20, Buffer.alloc(4096, 0xa5));
    await expect(openReaders().describe(root, "a.db")).rejects.toMatchObject(refusal(/damaged/));
  });

  it("that is cut off", async () => {
    const root = makeRoot();
    for (const [bytes, message] of [
      [4096 * 10 + 17, /cut off: 40977 of \d+ bytes/],
      [4096, /cut off/],
      [99, /cut off/],
      [50, /cut off/],
      [10, /no SQLite database/],
      [0, /empty/],
    ] as const) {
      const path = makeFile(root, `${bytes}.db`, manyRows(5000));
      truncateSync(path, bytes);
      await expect(openReaders().describe(root, `${bytes}.db`)).rejects.toMatchObject({
        code: "SOURCE_INVALID",
        message: expect.stringMatching(message),
      });
    }
  });

  it("that never was SQLite", async () => {
    const root = makeRoot();
    for (const content of ["hello", "PK\u0003\u0004".repeat(1000), "SQLite format 2", "\0".repeat(8192)]) {
      writeFileSync(join(root, "a.db"), content);
      await expect(openReaders().describe(root, "a.db")).rejects.toMatchObject(refusal(/no SQLite database/));
    }
  });

  it("while the others go on, and are read by the same readers", async () => {
    const root = makeRoot();
    writeFileSync(join(root, "a.db"), "rubbish");
    makeFile(root, "good.db", manyRows(10));
    const readers = openReaders({ max: 1 });
    await expect(readers.describe(root, "a.db")).rejects.toMatchObject(refusal(/no SQLite/));
    expect((await readers.describe(root, "good.db")).tables[0]?.rows).toBe(10);
  });
});

describe("a file that breaks while it is imported", () => {
  it("fails the import, though only at its end does anybody see it", async () => {
    const root = makeRoot();
    const path = makeFile(root, "a.db", manyRows(100_000));
    const events = (await describedImport(openReaders(), root, "a.db"))[Symbol.asyncIterator]();
    expect((await events.next()).value).toMatchObject({ kind: "rows" });
    // The application id, which no row depends on.
    overwrite(path, 68, Buffer.from([1, 2, 3, 4]));
    const rest = { [Symbol.asyncIterator]: () => events };
    await expect(copiedLines(rest)).rejects.toMatchObject(refusal(/changed since it was planned/));
  });
});

describe("what is no file, or none of ours", () => {
  it("isn't there", async () => {
    const root = makeRoot();
    const readers = openReaders();
    const missing = { name: "SourceError", code: "SOURCE_NOT_FOUND" };
    await expect(readers.describe(root, "nothing.db")).rejects.toMatchObject(missing);
    await expect(readers.describe(root, "no/such/folder.db")).rejects.toMatchObject(missing);
    await expect(readers.describe(join(root, "nowhere"), "a.db")).rejects.toMatchObject(missing);
    symlinkSync("nowhere", join(root, "dangling.db"));
    await expect(readers.describe(root, "dangling.db")).rejects.toMatchObject(missing);
    symlinkSync("circle.db", join(root, "circle.db"));
    await expect(readers.describe(root, "circle.db")).rejects.toMatchObject(missing);
  });

  it.each(["/etc/passwd", "../a.db", "sub/../../a.db", "sub/..", "a.db\0.txt"])(
    "is never opened by a path that leads out: %j",
    async (path) => {
      const root = makeRoot();
      makeFile(root, "sub/b.db", "CREATE TABLE t (a)");
      makeFile(join(root, ".."), "a.db", "CREATE TABLE t (a)");
      const readers = openReaders();
      const refused = { name: "SourceError", code: "SOURCE_NOT_FOUND" };
      await expect(readers.describe(root, path)).rejects.toMatchObject(refused);
      await expect(readers.folder(root).rows(path, "t")).rejects.toMatchObject(refused);
      await expect(readers.folder(root).json(path)).rejects.toMatchObject(refused);
      await expect(readers.folder(root).list(path)).rejects.toMatchObject(refused);
    },
  );

  it("is never opened through a link that leads out, of a file or of a folder", async () => {
    const root = makeRoot();
    const outside = makeFile(join(root, ".."), "outside.db", "CREATE TABLE secret (a)");
    writeFileSync(join(root, "..", "outside.json"), "{}");
    symlinkSync(outside, join(root, "link.db"));
    symlinkSync("..", join(root, "up"));
    symlinkSync(join("..", "outside.json"), join(root, "link.json"));
    const readers = openReaders();
    const refused = { code: "SOURCE_NOT_FOUND", message: expect.stringMatching(/leads out/) };
    await expect(readers.describe(root, "link.db")).rejects.toMatchObject(refused);
    await expect(readers.describe(root, "up/outside.db")).rejects.toMatchObject(refused);
    await expect(readers.folder(root).json("link.json")).rejects.toMatchObject(refused);
    await expect(readers.folder(root).list("up")).rejects.toMatchObject(refused);
  });

  it("is read through a link that stays inside", async () => {
    const root = makeRoot();
    makeFile(root, "data/real.db", "CREATE TABLE t (a)");
    symlinkSync("data", join(root, "current"));
    symlinkSync("current/real.db", join(root, "link.db"));
    const { tables } = await openReaders().describe(root, "link.db");
    expect(tables).toHaveLength(1);
  });

  it("is never opened when it is a folder, a pipe or a device, and nobody waits for it", async () => {
    const root = makeRoot();
    const { execFileSync } = await import("node:child_process");
    mkdirSync(join(root, "folder.db"));
    execFileSync("mkfifo", [join(root, "pipe.db")]);
    symlinkSync("/dev/zero", join(root, "zero.db"));
    const readers = openReaders();
    for (const name of ["folder.db", "pipe.db"]) {
      const refused = { code: "SOURCE_INVALID", message: "This is not a file." };
      await expect(readers.describe(root, name)).rejects.toMatchObject(refused);
      await expect(readers.folder(root).json(name)).rejects.toMatchObject(refused);
    }
    await expect(readers.describe(root, "zero.db")).rejects.toMatchObject({ code: "SOURCE_NOT_FOUND" });
    // Nor beside a file, where SQLite would look.
    makeFile(root, "a.db", manyRows(10));
    execFileSync("mkfifo", [join(root, "a.db-journal")]);
    await expect(readers.describe(root, "a.db")).rejects.toMatchObject(refusal(/-journal is not a file/));
  });

  it("is refused when it is larger than it may be", async () => {
    const root = makeRoot();
    makeFile(root, "a.db", manyRows(1000));
    const readers = openReaders({ maxFileBytes: 10_000 });
    await expect(readers.describe(root, "a.db")).rejects.toMatchObject(refusal(/larger than it may be/));
  });

  it("is refused when a single value is larger than memory allows", async () => {
    const root = makeRoot();
    makeFile(root, "a.db", "CREATE TABLE t (v); INSERT INTO t VALUES (zeroblob(200000000))");
    const readers = openReaders();
    await expect(copiedLines(await describedImport(readers, root, "a.db"))).rejects.toMatchObject(
      refusal(/larger than 128 MiB/),
    );
  });
});

describe("a file that may not be read", () => {
  afterEach(() => {
    process.seteuid?.(process.getuid?.() ?? 0);
    process.setegid?.(process.getgid?.() ?? 0);
  });

  it("is refused for an ordinary user, with the reason; root reads what it likes", async () => {
    const root = makeRoot();
    const path = makeFile(root, "a.db", manyRows(10));
    const isRoot = process.getuid?.() === 0;
    const readers = openReaders();
    chmodSync(path, 0);
    if (isRoot) {
      expect((await readers.describe(root, "a.db")).tables).toHaveLength(1);
      await readers.close();
      if (!becomeNobody(root)) return;
    }
    const ordinary = openReaders();
    await expect(ordinary.describe(root, "a.db")).rejects.toMatchObject(
      refusal(/may not be read by the user/),
    );
    const folder = ordinary.folder(root);
    await expect(folder.json("a.db")).rejects.toMatchObject(refusal(/may not be read by the user/));
  });

  it("or in a folder that may not be looked into", async () => {
    const root = makeRoot();
    makeFile(root, "closed/a.db", manyRows(10));
    chmodSync(join(root, "closed"), 0);
    if (process.getuid?.() === 0 && !becomeNobody(root)) return;
    const folder = openReaders().folder(root);
    const refused = { code: "SOURCE_INVALID", message: expect.stringMatching(/may not be read by the user/) };
    await expect(folder.rows("closed/a.db", "items")).rejects.toMatchObject(refused);
    await expect(folder.list("closed")).rejects.toMatchObject(refused);
  });
});

/** Takes root's rights away, if these sources can be read without them. */
function becomeNobody(root: string): boolean {
  chmodSync(join(root, ".."), 0o755);
  process.setegid?.(65_534);
  process.seteuid?.(65_534);
  try {
    // Opened, since access(2) asks for the user whom the process belongs to, who is root still.
    for (const path of [import.meta.filename, process.execPath]) closeSync(openSync(path, "r"));
    rmdirSync(mkdtempSync(join(tmpdir(), "tenantry-nobody-")));
    return true;
  } catch {
    return false;
  }
}

describe("a file with values that don't fit their declarations", () => {
  it("is no damaged file", async () => {
    const root = makeRoot();
    const path = makeFile(
      root,
      "a.db",
      "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, n INT CHECK (n > 0))",
      "PRAGMA ignore_check_constraints = ON; INSERT INTO t (n) VALUES (-1), (NULL)",
      "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'a TEXT', 'a TEXT NOT NULL')",
    );
    using db = new DatabaseSync(path);
    expect(db.prepare("PRAGMA quick_check").all().length).toBeGreaterThan(1);
    expect((await openReaders().describe(root, "a.db")).tables).toMatchObject([{ name: "t", rows: 2 }]);
  });
});

it("a file stays as it was, byte by byte, whatever is wrong with it", async () => {
  const root = makeRoot();
  const path = makeFile(root, "a.db", manyRows(5000));
  overwrite(path, 4096 * 20, Buffer.alloc(4096, 0xa5));
  const hash = () => createHash("sha256").update(readFileSync(path)).digest("hex");
  const before = hash();
  await expect(openReaders().describe(root, "a.db")).rejects.toThrow();
  expect(hash()).toBe(before);
});
