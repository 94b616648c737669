import { hash } from "node:crypto";
import { once } from "node:events";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { archiveSink } from "./archive-sink.ts";
import { exportedArchive, splitExported } from "./exported-archive.ts";
import { newDataKey, unwrapKey, wrapKey } from "./keys.ts";
import { openArchive } from "./open-archive.ts";
import {
  ARCHIVE_ID,
  archiveOf,
  BACKUP_KEY,
  fileOf,
  OTHER_KEY,
  readAll,
  rowsText,
  sampleOf,
} from "./testing/sample-archive.ts";

const DATA_KEY = newDataKey();
const WRAPPED = wrapKey(DATA_KEY, BACKUP_KEY, ARCHIVE_ID);
const MB = 1024 * 1024;
const EMPTY = Buffer.alloc(0);

const KINDS = [
  { kind: "open", keys: { dataKey: null, backupKey: null }, reading: { wrappedKey: null, backupKey: null } },
  {
    kind: "signed",
    keys: { dataKey: null, backupKey: BACKUP_KEY },
    reading: { wrappedKey: null, backupKey: BACKUP_KEY },
  },
  {
    kind: "encrypted",
    keys: { dataKey: DATA_KEY, backupKey: BACKUP_KEY },
    reading: { wrappedKey: WRAPPED, backupKey: BACKUP_KEY },
  },
] as const;

describe.for(KINDS)("an archive that is $kind", ({ keys, reading }) => {
  test.for([1009, 100_003, 3 * MB])(
    "gives back what it was given, in chunks of %d bytes",
    async (chunkBytes) => {
      const sample = sampleOf([EMPTY, rowsText(5 * MB), EMPTY, rowsText(30), rowsText(2 * MB, 3), EMPTY]);
      const content = await archiveOf(sample, keys, chunkBytes);
      const archive = await openArchive(fileOf(content), reading);
      expect(archive.contents).toEqual(sample.contents);
      expect(archive.figures).toEqual(sample.figures);
      expect(archive).toMatchObject({ ...sample.subject, signed: keys.backupKey !== null });
      expect(archive.header).toMatchObject({ format: 1, id: ARCHIVE_ID, kind: "tenant" });
      expect(archive.sha256).toBe(hash("sha256", content, "hex"));
      expect(archive.bytes).toBe(content.length);
      expect(await readAll(archive)).toEqual(sample.figures.tables.map(({ sha256 }) => sha256));
    },
  );

  test.for([
    ["no table", []],
    ["no row", [EMPTY, EMPTY]],
    ["exactly one part", [Buffer.alloc(2 * MB, "1\t2\n")]],
    ["exactly two parts", [Buffer.alloc(4 * MB, "1\t2\n")]],
  ] as const)("may hold %s", async ([, texts]) => {
    const sample = sampleOf(texts);
    const archive = await openArchive(fileOf(await archiveOf(sample, keys)), reading);
    expect(await readAll(archive)).toEqual(sample.figures.tables.map(({ sha256 }) => sha256));
  });
});

describe("keys", () => {
  const encrypted = () =>
    archiveOf(sampleOf([rowsText(100)]), { dataKey: DATA_KEY, backupKey: BACKUP_KEY }).then((content) =>
      fileOf(content),
    );
  const kindOf = async (keys: Parameters<typeof openArchive>[1]): Promise<unknown> =>
    openArchive(await encrypted(), keys).then(
      () => "opened",
      (error) => error.kind,
    );

  test("an encrypted archive opens with both its keys alone", async () => {
    expect(await kindOf({ wrappedKey: WRAPPED, backupKey: BACKUP_KEY })).toBe("opened");
    expect(await kindOf({ wrappedKey: null, backupKey: BACKUP_KEY })).toBe("no-key");
    expect(await kindOf({ wrappedKey: WRAPPED, backupKey: null })).toBe("no-key");
    expect(await kindOf({ wrappedKey: WRAPPED, backupKey: OTHER_KEY })).toBe("wrong-key");
    const foreign = wrapKey(newDataKey(), BACKUP_KEY, "01900000-0000-7000-8000-00000000000b");
    expect(await kindOf({ wrappedKey: foreign, backupKey: BACKUP_KEY })).toBe("wrong-key");
    // Another archive's data key, wrapped as if it were this one's.
    const swapped = wrapKey(newDataKey(), BACKUP_KEY, ARCHIVE_ID);
    expect(await kindOf({ wrappedKey: swapped, backupKey: BACKUP_KEY })).toBe("corrupt");
  });

  test("nothing of the rows, the license or the tables can be read in an encrypted archive", async () => {
    const sample = sampleOf([rowsText(100)]);
    const content = (await archiveOf(sample, { dataKey: DATA_KEY, backupKey: BACKUP_KEY })).toString(
      "latin1",
    );
    for (const secret of ["AAAA-BBBB", "CREATE TABLE", "note", "tenant_aaaa"])
      expect(content).not.toContain(secret);
  });

  test("a wrapped key comes back for its archive and under its BACKUP_KEY alone", () => {
    expect(unwrapKey(WRAPPED, BACKUP_KEY, ARCHIVE_ID)).toEqual(DATA_KEY);
    expect(() => unwrapKey(WRAPPED, OTHER_KEY, ARCHIVE_ID)).toThrow("can't be unwrapped");
    expect(() => unwrapKey(WRAPPED, BACKUP_KEY, ARCHIVE_ID.replace(/a$/, "b"))).toThrow("can't be unwrapped");
    expect(() => unwrapKey(WRAPPED.subarray(1), BACKUP_KEY, ARCHIVE_ID)).toThrow("can't be unwrapped");
  });

  test("an archive that was signed with another key isn't ours", async () => {
    const content = await archiveOf(sampleOf([rowsText(9)]), { dataKey: null, backupKey: OTHER_KEY });
    const opening = openArchive(fileOf(content), { wrappedKey: null, backupKey: BACKUP_KEY });
    await expect(opening).rejects.toMatchObject({ kind: "wrong-key" });
  });
});

describe("an exported archive", () => {
  test.for([1, 700, 100_000])(
    "carries its key, and splits into what was stored (chunks of %d)",
    async (size) => {
      const stored = await archiveOf(sampleOf([rowsText(5000)]), {
        dataKey: DATA_KEY,
        backupKey: BACKUP_KEY,
      });
      const exported = await buffer(Readable.from(exportedArchive(Readable.from([stored]), WRAPPED)));
      const archive = await openArchive(fileOf(exported), { wrappedKey: null, backupKey: BACKUP_KEY });
      expect(archive.sha256).toBe(hash("sha256", stored, "hex"));
      expect(archive.bytes).toBe(stored.length);
      expect(await readAll(archive)).toHaveLength(1);
      const split = await splitExported(await fileOf(exported, size).read());
      expect(split.wrappedKey).toEqual(WRAPPED);
      expect((await buffer(split.stored)).equals(stored)).toBe(true);
    },
  );

  test("without a key is the stored one", async () => {
    for (const stored of [
      await archiveOf(sampleOf([]), { dataKey: null, backupKey: null }),
      Buffer.from("x"),
      EMPTY,
    ]) {
      const split = await splitExported(exportedArchive(Readable.from([stored]), null));
      expect(split.wrappedKey).toBeNull();
      expect((await buffer(split.stored)).equals(stored)).toBe(true);
    }
  });
});

describe("writing", () => {
  const sinkTo = (write: (chunk: Buffer) => Promise<void>) => {
    const { header, subject } = sampleOf([]);
    return archiveSink({ header, subject, keys: { dataKey: null, backupKey: null }, write });
  };

  test("waits for a slow store, however much is given", async () => {
    const sample = sampleOf([rowsText(20 * MB)]);
    let given = 0;
    let stopped: (() => void) | null = null;
    const reached = new EventTarget();
    const sink = sinkTo((chunk) => {
      if (!chunk.toString("latin1", 0, 4).startsWith("rows")) return Promise.resolve();
      reached.dispatchEvent(new Event("stop"));
      return new Promise((resolve) => {
        stopped = resolve;
      });
    });
    await sink.begin(sample.contents);
    const text = sample.texts[0] as Buffer;
    const stop = once(reached, "stop");
    void (async () => {
      for (let from = 0; from < text.length; from += MB) {
        given = from;
        await sink.rows(0, text.subarray(from, from + MB));
      }
    })();
    await stop;
    expect(stopped).not.toBeNull();
    expect(given).toBeLessThan(10 * MB);
  });

  test("throws what the store throws", async () => {
    const full = new Error("no room");
    let written = 0;
    const sample = sampleOf([rowsText(9 * MB)]);
    const sink = sinkTo(async (chunk) => {
      written += chunk.length;
      if (written > 10_000) throw full;
    });
    await sink.begin(sample.contents);
    const giving = (async () => {
      await sink.rows(0, sample.texts[0] as Buffer);
      await sink.end(sample.figures);
    })();
    await expect(giving).rejects.toBe(full);
  });

  test("refuses figures that don't fit the rows, and rows out of order", async () => {
    const sample = sampleOf([rowsText(10), rowsText(20)]);
    const short = sinkTo(async () => undefined);
    await short.begin(sample.contents);
    await short.rows(0, sample.texts[0] as Buffer);
    await expect(short.end(sample.figures)).rejects.toThrow(RangeError);
    const disordered = sinkTo(async () => undefined);
    await disordered.begin(sample.contents);
    await disordered.rows(1, sample.texts[1] as Buffer);
    await expect(disordered.rows(0, sample.texts[0] as Buffer)).rejects.toThrow(RangeError);
  });
});
