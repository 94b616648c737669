import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer, text as textOf } from "node:stream/consumers";
import { promisify } from "node:util";
import { zstdDecompressSync } from "node:zlib";
import { test as base, expect } from "vitest";
import { createTestDatabase, withAdmin } from "../../../test/support/database.ts";
import { findPsql, loadWithDriver, loadWithPsql } from "../../../test/support/restore.ts";
import { archiveToSql } from "./archive-to-sql.ts";
import { exportedArchive } from "./exported-archive.ts";
import { newDataKey, wrapKey } from "./keys.ts";
import { openArchive } from "./open-archive.ts";
import { ARCHIVE_ID, archiveOf, BACKUP_KEY, fileOf, rowsText, sampleOf } from "./testing/sample-archive.ts";

const run = promisify(execFile);
const DOCUMENT = new URL("../../../docs/backup-format.md", import.meta.url);
const PLAIN = { dataKey: null, backupKey: null };

const test = base.extend<{ directory: string }>({
  // biome-ignore lint/correctness/noEmptyPattern: Vitest reads the wanted fixtures from the pattern
  directory: async ({}, use) => {
    const directory = await mkdtemp(join(tmpdir(), "tenantry-archive-"));
    await use(directory);
    await rm(directory, { recursive: true });
  },
});

async function takeApart(directory: string, content: Buffer): Promise<string> {
  const folder = join(directory, "look");
  await mkdir(folder);
  await writeFile(join(directory, "backup.tar"), content);
  await run("tar", ["-xf", join(directory, "backup.tar"), "-C", folder]);
  await run("sha256sum", ["-c", "SHA256SUMS"], { cwd: folder });
  return folder;
}

test("tar, sha256sum and zstd take a backup apart", async ({ directory }) => {
  const sample = sampleOf([rowsText(5_000_000), Buffer.alloc(0), rowsText(40)]);
  const folder = await takeApart(directory, await archiveOf(sample, PLAIN));
  const parts = ["000001", "000002", "000003"].map((part) => join(folder, `rows/0001/${part}.copy.zst`));
  const frames = await Promise.all(parts.map((path) => readFile(path)));
  expect(
    Buffer.concat(frames.map((frame) => zstdDecompressSync(frame))).equals(sample.texts[0] as Buffer),
  ).toBe(true);
  const zstd = ["/usr/bin/zstd", "/usr/local/bin/zstd", "/opt/homebrew/bin/zstd"].find((path) =>
    existsSync(path),
  );
  if (zstd === undefined) return;
  const command = `cat rows/0001/* | ${zstd} -dc`;
  const { stdout } = await run("sh", ["-c", command], { cwd: folder, encoding: "buffer", maxBuffer: 1e8 });
  expect(stdout.equals(sample.texts[0] as Buffer)).toBe(true);
});

test("the documented script decrypts an exported backup, and only with its key", async ({ directory }) => {
  const keys = { dataKey: newDataKey(), backupKey: BACKUP_KEY };
  const sample = sampleOf([rowsText(3000)]);
  const stored = await archiveOf(sample, keys);
  const wrapped = wrapKey(keys.dataKey, BACKUP_KEY, ARCHIVE_ID);
  const exported = await buffer(Readable.from(exportedArchive(Readable.from([stored]), wrapped)));
  const folder = await takeApart(directory, exported);
  const script = /```js\n(.*?)```/s.exec(await readFile(DOCUMENT, "utf8"))?.[1] as string;
  await writeFile(join(directory, "decrypt.mjs"), script);
  const decrypt = (key: Buffer) =>
    run(process.execPath, ["decrypt.mjs", "look"], {
      cwd: directory,
      env: { BACKUP_KEY: key.toString("base64") },
    });
  await expect(decrypt(Buffer.alloc(32))).rejects.toThrow();
  await decrypt(BACKUP_KEY);
  const rows = zstdDecompressSync(await readFile(join(folder, "rows/0001/000001.copy.zst")));
  expect(rows.equals(sample.texts[0] as Buffer)).toBe(true);
  expect(zstdDecompressSync(await readFile(join(folder, "before.sql.zst"))).toString()).toBe(
    sample.contents.before,
  );
});

const psql = findPsql();
const loaders: [string, string, (text: string, url: string) => Promise<void>][] = [
  ["the driver", (await createTestDatabase()).url, loadWithDriver],
];
if (psql === null) process.stderr.write("No psql here: archives are loaded by the driver only.\n");
else loaders.push(["psql", (await createTestDatabase()).url, (text, url) => loadWithPsql(psql, text, url)]);

test.for(loaders)("plain SQL of an archive is loaded into an empty database by %s", async ([, url, load]) => {
  const awkward = [
    "7\t\\\\.",
    "8\t\\N",
    "9\tab\\tcd\\nef\\\\",
    "10\t'; DROP SCHEMA x; --",
    "11\tشركة :HOST \\\\! ls",
  ];
  const sample = sampleOf([
    Buffer.alloc(0),
    Buffer.from(awkward.map((row) => `${row}\n`).join("")),
    rowsText(20),
  ]);
  const contents = {
    ...sample.contents,
    before: `CREATE SEQUENCE "a'seq";\n${sample.contents.before}`,
    after: sample.contents.after.replace("PRIMARY KEY (id);\n", "PRIMARY KEY (id); -- ;\n"),
  };
  const license = { id: "x", blueprint: "erp", ...sample.subject.license, key: "A\n\\! exit 1\n;" };
  const named = { ...sample, contents, subject: { ...sample.subject, license } };
  const archive = await openArchive(fileOf(await archiveOf(named, PLAIN)), {
    wrappedKey: null,
    backupKey: null,
  });
  await load(await textOf(Readable.from(archiveToSql(archive))), url);
  await withAdmin(url, async (client) => {
    const schema = '"tenant ""a"""';
    const found = await client.query(`SELECT id, "no""te" AS note FROM ${schema}."table ""1""" ORDER BY id`);
    expect(found.rows.map(({ note }) => note)).toEqual([
      "\\.",
      null,
      "ab\tcd\nef\\",
      "'; DROP SCHEMA x; --",
      "شركة :HOST \\! ls",
    ]);
    const sequence = await client.query(`SELECT last_value, is_called FROM ${schema}."a'seq"`);
    expect(sequence.rows).toEqual([{ last_value: "9223372036854775807", is_called: true }]);
    const rows = await client.query(`SELECT count(*)::int AS count FROM ${schema}."table ""2"""`);
    expect(rows.rows).toEqual([{ count: sample.figures.tables[2]?.rows }]);
  });
});
