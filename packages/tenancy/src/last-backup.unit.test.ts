import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import type { TenantDump } from "@tenantry/schema";
import { test as base, describe, expect } from "vitest";
import { BackupFault, backupName, removeEarlierFiles, writeBackup } from "./last-backup.ts";

const FILES = {
  licenseKey: "AAAA-BBBB-CCCC-DDDD",
  operationId: "01900000-0000-7000-8000-000000000001",
  attempt: 2,
};

const test = base.extend<{ directory: string }>({
  // biome-ignore lint/correctness/noEmptyPattern: Vitest reads the wanted fixtures from the pattern
  directory: async ({}, use) => {
    const parent = await mkdtemp(join(tmpdir(), "tenantry-backup-"));
    await use(join(parent, "deep", "backups"));
    await rm(parent, { recursive: true });
  },
});

/** Two tables, three rows and none, in chunks of so many bytes. */
function dumpOf(chunkBytes: number, rows = 3): TenantDump {
  const parts = [
    "COPY a FROM stdin;\n",
    "1\tone\n2\t\\n\n3\tشركة\n",
    "\\.\nCOPY b FROM stdin;\n",
    "\\.\nCOMMIT;\n",
  ];
  const bytes = Buffer.from(parts.join(""));
  const at = parts.map((_, index) => Buffer.byteLength(parts.slice(0, index).join("")));
  const [, a = 0, afterA = 0, b = 0] = at;
  async function* text(): AsyncGenerator<Buffer> {
    for (let from = 0; from < bytes.length; from += chunkBytes) yield bytes.subarray(from, from + chunkBytes);
  }
  return {
    text: text(),
    blocks: [
      { table: "a", rows, start: a, end: afterA },
      { table: "b", rows: 0, start: b, end: b },
    ],
  };
}

describe("a backup's file", () => {
  test.for([1, 7, 1000])("is whole and counted, in chunks of %d bytes", async (chunkBytes, { directory }) => {
    const backup = await writeBackup(directory, "x.sql.zst", dumpOf(chunkBytes));
    expect(backup).toMatchObject({ file: "x.sql.zst", rows: 3 });
    const content = await readFile(join(directory, "x.sql.zst"));
    expect(content.length).toBe(backup.bytes);
    expect(zstdDecompressSync(content).toString()).toContain("3\tشركة\n");
    expect(await readdir(directory)).toEqual(["x.sql.zst"]);
  });

  test.for([2, 4])(
    "isn't there when it holds another number of rows than %d",
    async (rows, { directory }) => {
      await expect(writeBackup(directory, "x.sql.zst", dumpOf(5, rows))).rejects.toThrow(BackupFault);
      expect(await readdir(directory)).toEqual([]);
    },
  );

  test("isn't there when the rows stop coming, and the reason is passed on as it is", async ({
    directory,
  }) => {
    const reason = new Error("the connection broke");
    async function* text(): AsyncGenerator<Buffer> {
      yield Buffer.from("COPY a FROM stdin;\n");
      throw reason;
    }
    await expect(writeBackup(directory, "x.sql.zst", { text: text(), blocks: [] })).rejects.toBe(reason);
    expect(await readdir(directory)).toEqual([]);
  });

  test("that is in the way is not overwritten", async ({ directory }) => {
    await writeBackup(directory, "y.sql.zst", dumpOf(5));
    await writeFile(join(directory, "x.sql.zst.partial"), "somebody else's");
    await expect(writeBackup(directory, "x.sql.zst", dumpOf(5))).rejects.toThrow("EEXIST");
  });

  test("of a later attempt, of another operation or that counts isn't tidied away", async ({ directory }) => {
    await writeBackup(directory, backupName(FILES), dumpOf(5));
    const named = (attempt: number) => backupName({ ...FILES, attempt });
    const others = [named(3), named(10), backupName({ ...FILES, operationId: "other", attempt: 1 })];
    for (const name of [...others, `${named(1)}.partial`, named(0)])
      await writeFile(join(directory, name), "");
    await removeEarlierFiles(directory, FILES, null);
    expect((await readdir(directory)).sort()).toEqual([...others, named(2)].sort());
    await removeEarlierFiles(directory, { ...FILES, attempt: 11 }, named(2));
    expect((await readdir(directory)).sort()).toEqual([named(2), others[2]].sort());
  });

  test("has a name that a legacy key can't lead astray", () => {
    const name = backupName({ ...FILES, licenseKey: "../../ETC/PASSWD\0" });
    expect(name).toMatch(/^[0-9A-Za-z_-]+\.sql\.zst$/);
  });
});
