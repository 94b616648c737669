import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { withDataDirLock } from "./data-dir-lock.ts";

async function directory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "tenantry-embedded-lock-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

it("lets one work at a time, and the next one in when it fails", async () => {
  const dataDir = await directory();
  const log: string[] = [];
  const work = (name: string) => async () => {
    log.push(`${name} in`);
    await new Promise((resolve) => setImmediate(resolve));
    log.push(`${name} out`);
    if (name === "first") throw new Error("failed");
  };
  const results = await Promise.allSettled(
    ["first", "second", "third"].map((name) => withDataDirLock(dataDir, work(name), 10_000)),
  );
  expect(results.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "fulfilled"]);
  for (let index = 0; index < log.length; index += 2) {
    expect(log[index + 1]).toBe(log[index]?.replace("in", "out"));
  }
});

it("gives up after a while, saying what to do", async () => {
  const dataDir = await directory();
  await withDataDirLock(
    dataDir,
    async () => {
      const second = withDataDirLock(dataDir, async () => {}, 50);
      await expect(second).rejects.toMatchObject({ code: "EMBEDDED_LOCK_TIMEOUT" });
    },
    1_000,
  );
});

it("says so when the directory can't be used", async () => {
  const lock = withDataDirLock(join(await directory(), "missing"), async () => {}, 50);
  await expect(lock).rejects.toMatchObject({ code: "EMBEDDED_DATA_DIR_UNUSABLE" });
});
