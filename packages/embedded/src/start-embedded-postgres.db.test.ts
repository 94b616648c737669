import { existsSync } from "node:fs";
import { readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { startEmbeddedPostgres } from "./start-embedded-postgres.ts";
import { cleanUp, isServing, query, serverPid, startHolder, testDirectory } from "./testing/test-bed.ts";

afterEach(cleanUp);

describe("an embedded PostgreSQL", { timeout: 30_000 }, () => {
  it("starts twice and keeps its data, and nothing stays behind", async () => {
    const dataDir = await testDirectory();
    const first = await startEmbeddedPostgres({ dataDir });
    await query(first.superuserUrl, "create table kept as select 'مرحبا' as word");
    await first.stop();
    expect(await isServing(first.superuserUrl)).toBe(false);

    const second = await startEmbeddedPostgres({ dataDir });
    expect(await query(second.superuserUrl, "select word from kept")).toEqual([{ word: "مرحبا" }]);
    await second.stop();
    await second.stop();

    expect(await serverPid(dataDir)).toBeUndefined();
    expect((await readdir(dataDir)).sort()).toEqual([
      "postgres",
      "postgres-credentials.json",
      "postgres.lock",
    ]);
    expect((await stat(join(dataDir, "postgres-credentials.json"))).mode & 0o777).toBe(0o600);
  });

  it("lets in nobody without its password, and listens on TCP of this machine alone", async () => {
    const server = await startEmbeddedPostgres({ dataDir: await testDirectory(), ephemeral: true });
    const wrong = new URL(server.superuserUrl);
    wrong.password = "postgres";
    await expect(query(wrong.href, "select 1")).rejects.toMatchObject({ code: "28P01" });
    const [settings] = await query(
      server.superuserUrl,
      `select current_setting('listen_addresses') as addresses, current_setting('unix_socket_directories') as sockets,
              current_setting('server_encoding') as encoding, upper('é') as upper`,
    );
    expect(settings).toEqual({ addresses: "127.0.0.1", sockets: "", encoding: "UTF8", upper: "É" });
    await server.stop();
  });

  it("takes settings as they are, quotes and blanks included", async () => {
    const dataDir = await testDirectory();
    const settings = { work_mem: "7MB", cluster_name: `it's a "$HOME" \\ test` };
    const server = await startEmbeddedPostgres({ dataDir, ephemeral: true, settings });
    const sql = "select current_setting('cluster_name') as name, current_setting('work_mem') as memory";
    expect(await query(server.superuserUrl, sql)).toEqual([{ name: settings.cluster_name, memory: "7MB" }]);
    await server.stop();
    expect(existsSync(dataDir)).toBe(false);
  });

  it("a second process attaches and the last one out stops it", async () => {
    const dataDir = await testDirectory();
    const ours = await startEmbeddedPostgres({ dataDir });
    const theirs = await startHolder(dataDir);
    expect(theirs.superuserUrl).toBe(ours.superuserUrl);
    await ours.stop();
    expect(await isServing(theirs.superuserUrl)).toBe(true);
    await theirs.leave();
    expect(await isServing(theirs.superuserUrl)).toBe(false);
  });

  it("four processes start at once, one server", async () => {
    const dataDir = await testDirectory();
    const holders = await Promise.all([1, 2, 3, 4].map(() => startHolder(dataDir)));
    expect(new Set(holders.map((holder) => holder.superuserUrl)).size).toBe(1);
    expect(await isServing(holders[0]?.superuserUrl ?? "")).toBe(true);
    await Promise.all(holders.map((holder) => holder.leave()));
    expect(await isServing(holders[0]?.superuserUrl ?? "")).toBe(false);
    expect(await readdir(dataDir)).not.toContain("postgres-users");
  });

  it("one arrives while the last one leaves", async () => {
    const dataDir = await testDirectory();
    let last = await startEmbeddedPostgres({ dataDir });
    for (let round = 0; round < 3; round += 1) {
      const [next] = await Promise.all([startEmbeddedPostgres({ dataDir }), last.stop()]);
      expect(await isServing(next.superuserUrl)).toBe(true);
      last = next;
    }
    await last.stop();
  });

  it("two data directories side by side are two servers", async () => {
    const directories = [await testDirectory(), await testDirectory()];
    const [one, other] = await Promise.all(
      directories.map((dataDir) => startEmbeddedPostgres({ dataDir, ephemeral: true })),
    );
    expect(one?.port).not.toBe(other?.port);
    await one?.stop();
    expect(await isServing(other?.superuserUrl ?? "")).toBe(true);
    await other?.stop();
  });

  it("an ephemeral one removes its own files at the end, and no others", async () => {
    const parent = await testDirectory();
    const beside = await startEmbeddedPostgres({ dataDir: parent, ephemeral: true });
    await query(beside.superuserUrl, "select 1");
    await writeFile(join(parent, "mine.txt"), "");
    await beside.stop();
    expect(await readdir(parent)).toEqual(["mine.txt"]);
  });
});
