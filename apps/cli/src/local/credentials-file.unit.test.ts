import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeEach, expect, it } from "vitest";
import { CredentialsFile } from "./credentials-file.ts";

let directory: string;
let file: CredentialsFile;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tenantry-credentials-"));
  file = new CredentialsFile(join(directory, "data"));
});

afterEach(() => rm(directory, { recursive: true }));

it("makes the directory and a file that only its owner reads", async () => {
  await file.update(async (current) => ({ ...current, opsPassword: "secret" }));
  expect((await stat(file.path)).mode & 0o777).toBe(0o600);
  expect(JSON.parse(await readFile(file.path, "utf8"))).toEqual({ opsPassword: "secret" });
});

it("writes nothing when nothing changed", async () => {
  expect(await file.update(async (current) => current)).toEqual({});
  await expect(stat(file.path)).rejects.toMatchObject({ code: "ENOENT" });
});

it("loses no change of those made at once", async () => {
  const names = Array.from({ length: 10 }, (_, index) => `database-${index}`);
  await Promise.all(
    names.map((name) =>
      new CredentialsFile(join(directory, "data")).update(async (current) => ({
        ...current,
        apiKeys: { ...current.apiKeys, [name]: "tk" },
      })),
    ),
  );
  const { apiKeys } = await file.update(async (current) => current);
  expect(Object.keys(apiKeys ?? {}).sort()).toEqual(names);
});

it("lets go of the lock when a change fails", async () => {
  await expect(file.update(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
  await file.update(async () => ({ opsPassword: "x" }));
});

it("doesn't quote a file that it can't read", async () => {
  await file.update(async () => ({ opsPassword: "x" }));
  await writeFile(file.path, "hunter2 {");
  const error = await file.update(async (current) => current).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: "CREDENTIALS_UNREADABLE" });
  expect(inspect(error)).not.toContain("hunter2");
});
