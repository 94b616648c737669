import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, rm, stat, watch, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import { startEmbeddedPostgres } from "./start-embedded-postgres.ts";
import {
  cleanUp,
  isServing,
  killGroup,
  killServer,
  query,
  serverPid,
  spawnHolder,
  startHolder,
  testDirectory,
} from "./testing/test-bed.ts";

afterEach(cleanUp);

describe("an embedded PostgreSQL after an accident", { timeout: 30_000 }, () => {
  it("survives kill -9 of everything", async () => {
    const dataDir = await testDirectory();
    const holder = await startHolder(dataDir);
    await query(holder.superuserUrl, "create table kept as select 42 as answer");
    await holder.kill();
    await killServer(dataDir);
    expect(await serverPid(dataDir)).toBeDefined();

    const server = await startEmbeddedPostgres({ dataDir });
    expect(await query(server.superuserUrl, "select answer from kept")).toEqual([{ answer: 42 }]);
    await server.stop();
    expect(await readdir(dataDir)).not.toContain("postgres-users");
  });

  it("comes back when the server alone was killed while it worked", async () => {
    const dataDir = await testDirectory();
    const first = await startEmbeddedPostgres({ dataDir });
    const busy = query(
      first.superuserUrl,
      "select pg_sleep(0.2), count(*) from generate_series(1, 1e6)",
    ).catch(() => {});
    await killServer(dataDir);
    const second = await startEmbeddedPostgres({ dataDir });
    expect(await isServing(second.superuserUrl)).toBe(true);
    await Promise.all([busy, first.stop()]);
    expect(await isServing(second.superuserUrl)).toBe(true);
    await second.stop();
  });

  it("a server whose starter was killed is used again, and stopped by the last one out", async () => {
    const dataDir = await testDirectory();
    const holder = await startHolder(dataDir);
    await holder.kill();
    expect(await isServing(holder.superuserUrl)).toBe(true);
    const server = await startEmbeddedPostgres({ dataDir });
    expect(server.port).toBe(holder.port);
    await server.stop();
    expect(await isServing(holder.superuserUrl)).toBe(false);
  });

  it("stale pid file naming an unrelated process", async () => {
    const dataDir = await testDirectory();
    const holder = await startHolder(dataDir);
    const pidFile = join(dataDir, "postgres", "postmaster.pid");
    const lines = (await readFile(pidFile, "utf8")).split("\n");
    await holder.leave();

    // Of the server's own user: PostgreSQL itself would take that for a running server.
    const { uid, gid } = await stat(join(dataDir, "postgres"));
    const unrelated = spawn("sleep", ["60"], { uid, gid, stdio: "ignore" });
    onTestFinished(() => void unrelated.kill("SIGKILL"));
    await once(unrelated, "spawn");
    await writeFile(pidFile, [unrelated.pid, ...lines.slice(1)].join("\n"));

    const server = await startEmbeddedPostgres({ dataDir });
    expect(await isServing(server.superuserUrl)).toBe(true);
    await server.stop();
    expect(unrelated.exitCode ?? unrelated.signalCode).toBeNull();
  });

  it("killed while the cluster is created, it begins anew", async () => {
    const dataDir = await testDirectory();
    const events = watch(dataDir);
    const child = spawnHolder(dataDir);
    for await (const { filename } of events) {
      if (filename?.startsWith(".initdb-")) break;
    }
    await killGroup(child);
    expect(await readdir(dataDir)).not.toContain("postgres");

    const server = await startEmbeddedPostgres({ dataDir });
    expect(await isServing(server.superuserUrl)).toBe(true);
    await server.stop();
    expect((await readdir(dataDir)).filter((entry) => entry.startsWith("."))).toEqual([]);
  });

  it("says what is wrong when it can't start, and then starts with that mended", async () => {
    const dataDir = await testDirectory();
    const settings = { shared_buffers: "a lot" };
    const start = startEmbeddedPostgres({ dataDir, ephemeral: true, settings });
    await expect(start).rejects.toMatchObject({
      code: "EMBEDDED_START_FAILED",
      hint: expect.stringContaining("DATABASE_URL"),
      cause: expect.objectContaining({ message: expect.stringContaining("shared_buffers") }),
    });
    const server = await startEmbeddedPostgres({ dataDir, ephemeral: true });
    await server.stop();
  });

  it("refuses to throw away a cluster that is meant to last, and one whose password is lost", async () => {
    const dataDir = await testDirectory();
    const server = await startEmbeddedPostgres({ dataDir });
    await server.stop();
    const ephemeral = startEmbeddedPostgres({ dataDir, ephemeral: true });
    await expect(ephemeral).rejects.toMatchObject({ code: "EMBEDDED_DURABILITY_MISMATCH" });
    await rm(join(dataDir, "postgres-credentials.json"));
    const start = startEmbeddedPostgres({ dataDir });
    await expect(start).rejects.toMatchObject({ code: "EMBEDDED_CREDENTIALS_MISSING" });
  });
});
