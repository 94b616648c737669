import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { ArchiveError } from "./archive-error.ts";
import type { ReadingKeys } from "./inspect-archive.ts";
import { newDataKey, wrapKey } from "./keys.ts";
import { openArchive } from "./open-archive.ts";
import { tarMember } from "./tar.ts";
import {
  ARCHIVE_ID,
  archiveOf,
  BACKUP_KEY,
  fileOf,
  readAll,
  rowsText,
  sampleOf,
} from "./testing/sample-archive.ts";
import { type Piece, piecesOf, summedAnew, tarOf } from "./testing/tar-surgery.ts";

const MB = 1024 * 1024;
const OTHER_ID = "01900000-0000-7000-8000-00000000000b";
const DATA_KEY = newDataKey();
const WRAPPED = wrapKey(DATA_KEY, BACKUP_KEY, ARCHIVE_ID);
const TEXTS = [rowsText(5 * MB), Buffer.alloc(0), rowsText(40), rowsText(3 * MB, 3), rowsText(40, 5)];

const OPEN = {
  kind: "open",
  keys: { dataKey: null, backupKey: null },
  reading: { wrappedKey: null, backupKey: null },
};
const SIGNED = {
  kind: "signed",
  keys: { dataKey: null, backupKey: BACKUP_KEY },
  reading: { wrappedKey: null, backupKey: BACKUP_KEY },
};
const ENCRYPTED = {
  kind: "encrypted",
  keys: { dataKey: DATA_KEY, backupKey: BACKUP_KEY },
  reading: { wrappedKey: WRAPPED, backupKey: BACKUP_KEY },
};

/** How opening ends: the kind of refusal, or "accepted". What isn't a refusal but an accident is thrown. */
async function opening(content: Buffer, reading: ReadingKeys): Promise<string> {
  return openArchive(fileOf(content, 1 << 20), reading).then(() => "accepted", refusal);
}

async function reading(content: Buffer, keys: ReadingKeys): Promise<string> {
  return readAll(await openArchive(fileOf(content, 1 << 20), keys)).then(() => "accepted", refusal);
}

function refusal(error: unknown): string {
  if (error instanceof ArchiveError) return error.kind;
  throw error;
}

/** The mutants that got through, of at least so many. */
async function survivors(
  mutants: Iterable<readonly [string, Buffer]>,
  keys: ReadingKeys,
  atLeast: number,
): Promise<string[]> {
  const alive: string[] = [];
  let count = 0;
  for (const [name, content] of mutants) {
    count += 1;
    if ((await opening(content, keys)) === "accepted") alive.push(name);
  }
  expect(count).toBeGreaterThanOrEqual(atLeast);
  return alive;
}

function moved<T>(list: readonly T[], from: number, to: number): T[] {
  const rest = list.toSpliced(from, 1);
  return rest.toSpliced(to, 0, list[from] as T);
}

describe.for([OPEN, SIGNED, ENCRYPTED])("of an archive that is $kind", ({ keys, reading: readingKeys }) => {
  let whole: Buffer;
  let pieces: Piece[];
  /** Another customer's, with as many members of the same names. */
  let others: Piece[];

  beforeAll(async () => {
    whole = await archiveOf(sampleOf(TEXTS), keys, MB);
    pieces = piecesOf(whole);
    const other = sampleOf(
      TEXTS.map((text) => Buffer.from(text.toString().replaceAll("note", "NOTE"))),
      { id: OTHER_ID },
    );
    others = piecesOf(await archiveOf(other, keys, MB));
    expect(others.map(({ name }) => name)).toEqual(pieces.map(({ name }) => name));
    expect(pieces.filter(({ name }) => name.startsWith("rows/"))).toHaveLength(7);
    expect(tarOf(pieces, whole).equals(whole)).toBe(true);
    expect(await opening(whole, readingKeys)).toBe("accepted");
  });

  test("every changed bit is refused", async () => {
    function* flips(): Generator<readonly [string, Buffer]> {
      const places = new Set<number>();
      for (let at = 0; at < whole.length; at += Math.ceil(whole.length / 500)) places.add(at);
      // Each byte of two headers (a member's, and the list's) and of the end.
      for (let at = 0; at < 512; at += 3) places.add(at).add(whole.indexOf("SHA256SUMS\0") + at);
      for (let at = 1; at <= 1024; at += 31) places.add(whole.length - at);
      for (const at of places) {
        const mutant = Buffer.from(whole);
        mutant[at] = (mutant[at] as number) ^ (1 << (at % 8));
        yield [`bit ${at % 8} of byte ${at}`, mutant];
      }
    }
    expect(await survivors(flips(), readingKeys, 600)).toEqual([]);
  });

  test("every truncation is refused, and whatever is appended", async () => {
    function* cuts(): Generator<readonly [string, Buffer]> {
      for (let at = 0; at < whole.length; at += Math.ceil(whole.length / 150))
        yield [`${at}`, whole.subarray(0, at)];
      for (let at = 0, index = 0; index < pieces.length; index += 1) {
        for (const near of [at - 1, at, at + 1, at + 512]) {
          if (near >= 0) yield [`${near}`, whole.subarray(0, near)];
        }
        at += 512 + Math.ceil((pieces[index] as Piece).content.length / 512) * 512;
      }
      for (const less of [1, 511, 512, 513, 1024]) yield [`-${less}`, whole.subarray(0, -less)];
      for (const more of [1, 512, 8192]) yield [`+${more}`, Buffer.concat([whole, Buffer.alloc(more)])];
      yield ["twice", Buffer.concat([whole, whole])];
    }
    expect(await survivors(cuts(), readingKeys, 200)).toEqual([]);
  });

  test("every member that is dropped, repeated, moved, renamed or another archive's is refused", async () => {
    const last = pieces.length - 1;
    function* rearranged(): Generator<readonly [string, readonly Piece[]]> {
      for (const [at, piece] of pieces.entries()) {
        // A signature may be lost: then nobody vouches for the archive, which is another test.
        if (piece.name !== "SIGNATURE") yield [`without ${piece.name}`, pieces.toSpliced(at, 1)];
        yield [`${piece.name} twice`, pieces.toSpliced(at, 0, piece)];
        yield [`another's ${piece.name}`, pieces.with(at, others[at] as Piece)];
        yield [`${piece.name} empty`, pieces.with(at, { ...piece, content: Buffer.alloc(0) })];
        yield [`${piece.name} renamed`, pieces.with(at, { ...piece, name: `${piece.name}x` })];
        for (let to = 0; to <= last; to += 1) {
          if (to === at) continue;
          yield [`${piece.name} at ${to}`, moved(pieces, at, to)];
          const target = pieces[to] as Piece;
          const swap = pieces.with(at, { ...piece, content: target.content });
          yield [`contents of ${at} and ${to} swapped`, swap.with(to, { ...target, content: piece.content })];
        }
      }
    }
    const plain = [...rearranged()].filter(([, list]) => !tarOf(list, whole).equals(whole));
    const mutants = plain.map(([name, list]) => [name, tarOf(list, whole)] as const);
    expect(await survivors(mutants, readingKeys, 300)).toEqual([]);
  });
});

describe("with a list of sums made to fit", () => {
  async function mutants(
    keys: typeof OPEN | typeof SIGNED | typeof ENCRYPTED,
  ): Promise<(readonly [string, Buffer])[]> {
    const whole = await archiveOf(sampleOf(TEXTS), keys.keys, MB);
    const pieces = piecesOf(whole);
    const end = keys.kind === "encrypted" ? ".enc" : "";
    const place = (name: string): number => pieces.findIndex((piece) => piece.name === name + end);
    const parts = pieces.flatMap(({ name }, at) => (name.startsWith("rows/") ? [at] : []));
    const swapped = (a: number, b: number): Piece[] =>
      pieces
        .with(a, { ...(pieces[a] as Piece), content: (pieces[b] as Piece).content })
        .with(b, { ...(pieces[b] as Piece), content: (pieces[a] as Piece).content });
    const lists: (readonly [string, Piece[]])[] = parts.flatMap((a) =>
      // Two whole parts of rows that repeat may be the same.
      parts
        .filter((b) => b > a && !pieces[a]?.content.equals(pieces[b]?.content as Buffer))
        .map((b) => [`parts ${a} and ${b} swapped`, swapped(a, b)] as const),
    );
    lists.push(["without the last part of table 1", pieces.toSpliced(place("rows/0001/000003.copy.zst"), 1)]);
    lists.push(["statements swapped", swapped(place("before.sql.zst"), place("after.sql.zst"))]);
    return lists.map(([name, list]) => [name, tarOf(summedAnew(list), whole)] as const);
  }

  test.for([SIGNED, ENCRYPTED])("a $kind archive is refused: it isn't what was signed", async (kind) => {
    expect(await survivors(await mutants(kind), kind.reading, 20)).toEqual([]);
  });

  test("an open archive's rows are still refused when they are read: they aren't what figures say", async () => {
    for (const [name, content] of await mutants(OPEN)) {
      if (name === "statements swapped") continue;
      expect([name, await reading(content, OPEN.reading)]).toEqual([name, "corrupt"]);
    }
  });

  test("a lost signature shows", async () => {
    for (const kind of [SIGNED, ENCRYPTED]) {
      const whole = await archiveOf(sampleOf(TEXTS), kind.keys, MB);
      const bare = tarOf(piecesOf(whole).slice(0, -1), whole);
      if (kind === ENCRYPTED) expect(await opening(bare, kind.reading)).toBe("not-signed");
      else expect(await openArchive(fileOf(bare), kind.reading)).toMatchObject({ signed: false });
    }
  });

  test("statements of JSON that lack something, or are of another kind, are refused", async () => {
    const whole = await archiveOf(sampleOf(TEXTS), OPEN.keys, MB);
    const pieces = piecesOf(whole);
    const alive: string[] = [];
    let count = 0;
    for (const name of ["archive.json", "contents.json.zst", "figures.json.zst"]) {
      const at = pieces.findIndex((piece) => piece.name === name);
      const packed = name.endsWith(".zst");
      const content = pieces[at]?.content as Buffer;
      const value = JSON.parse((packed ? zstdDecompressSync(content) : content).toString());
      for (const [path, mutant] of misshapen(value)) {
        // What else stands in a license's row is the control schema's to know.
        if (path.startsWith("license/client_name")) continue;
        const text = Buffer.from(JSON.stringify(mutant));
        const list = summedAnew(pieces.with(at, { name, content: packed ? zstdCompressSync(text) : text }));
        count += 1;
        if ((await opening(tarOf(list, whole), OPEN.reading)) === "accepted") alive.push(`${name} ${path}`);
      }
    }
    expect(alive).toEqual([]);
    expect(count).toBeGreaterThan(120);
  });

  test("a part that grows beyond measure is refused before it fills the memory", async () => {
    const whole = await archiveOf(sampleOf(TEXTS), OPEN.keys, MB);
    const pieces = piecesOf(whole);
    const at = pieces.findIndex(({ name }) => name === "rows/0003/000001.copy.zst");
    const bomb = { name: pieces[at]?.name as string, content: zstdCompressSync(Buffer.alloc(64 * MB)) };
    const mutant = tarOf(summedAnew(pieces.with(at, bomb)), whole);
    expect(await reading(mutant, OPEN.reading)).toBe("corrupt");
  });
});

describe("an archive", () => {
  test("of a newer format is refused as such, whatever else it holds", async () => {
    for (const kind of [OPEN, SIGNED, ENCRYPTED]) {
      const whole = await archiveOf(sampleOf(TEXTS), kind.keys, MB);
      const rest = piecesOf(whole).slice(1);
      const header = (text: string): Piece => ({ name: "archive.json", content: Buffer.from(text) });
      expect(await opening(tarOf([header('{"format":2}'), ...rest], whole), kind.reading)).toBe(
        "newer-format",
      );
      expect(await opening(tarOf([header('{"format":7,"id":7}')], whole), OPEN.reading)).toBe("newer-format");
      expect(await opening(tarOf([header('{"format":0}')], whole), OPEN.reading)).toBe("corrupt");
      expect(await opening(tarOf([header("{}")], whole), OPEN.reading)).toBe("corrupt");
    }
  });

  test("whose carried key was changed in any bit is refused", async () => {
    const stored = await archiveOf(sampleOf(TEXTS), ENCRYPTED.keys, MB);
    const member = tarMember({ name: "KEY", content: WRAPPED, modified: 0 });
    function* flips(): Generator<readonly [string, Buffer]> {
      for (let at = 0; at < member.length; at += 5) {
        const mutant = Buffer.concat([member, stored]);
        mutant[at] = (mutant[at] as number) ^ (1 << (at % 8));
        yield [`byte ${at}`, mutant];
      }
    }
    expect(await survivors(flips(), { wrappedKey: null, backupKey: BACKUP_KEY }, 200)).toEqual([]);
  });

  test("that changes after it was checked gives out none of the change", async () => {
    for (const kind of [OPEN, SIGNED, ENCRYPTED]) {
      const whole = await archiveOf(sampleOf(TEXTS), kind.keys, MB);
      const other = await archiveOf(
        sampleOf(TEXTS.map((text) => Buffer.alloc(text.length, "9\t9\n"))),
        kind.keys,
        MB,
      );
      for (const later of [other, whole.subarray(0, whole.length / 2), Buffer.alloc(0)]) {
        const versions = [whole, later];
        const archive = await openArchive(
          { read: () => fileOf(versions.shift() as Buffer).read() },
          kind.reading,
        );
        const given: Buffer[] = [];
        const taking = (async () => {
          for await (const { chunk } of archive.rows()) given.push(chunk);
        })();
        await expect(taking).rejects.toMatchObject({ kind: "corrupt" });
        expect(Buffer.concat(given).includes("9\t9\n9\t9")).toBe(false);
      }
    }
  });

  test("is no file of another sort", async () => {
    const strange = [
      Buffer.from("PGDMP"),
      Buffer.from("SELECT 1;\n".repeat(1000)),
      Buffer.alloc(1024),
      Buffer.alloc(0),
    ];
    for (const content of [...strange, zstdCompressSync(Buffer.alloc(9999))]) {
      expect(await opening(content, OPEN.reading)).toBe("corrupt");
    }
  });
});

/** Every way to leave one field out, or to have something else there. */
function* misshapen(value: unknown, path = ""): Generator<readonly [string, unknown]> {
  if (typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      const at = `${path}${index}`;
      yield [`${at} odd`, value.with(index, typeof item === "string" ? 7 : "odd")];
      for (const [deeper, mutant] of misshapen(item, `${at}/`)) yield [deeper, value.with(index, mutant)];
    }
    return;
  }
  for (const [name, field] of Object.entries(value)) {
    const at = path + name;
    const { [name]: _, ...rest } = value as Record<string, unknown>;
    yield [`${at} missing`, rest];
    yield [`${at} odd`, { ...value, [name]: typeof field === "string" ? 7 : "odd" }];
    if (typeof field === "number") yield [`${at} negative`, { ...value, [name]: -1 }];
    for (const [deeper, mutant] of misshapen(field, `${at}/`)) yield [deeper, { ...value, [name]: mutant }];
  }
}
