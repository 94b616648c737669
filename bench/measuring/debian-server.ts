import { execFile } from "node:child_process";
import { chown, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort } from "./free-port.ts";
import { type BenchServer, openBenchServer, SETTINGS } from "./postgres-server.ts";

const run = promisify(execFile);

const SERVICE_USER = "postgres";

/** Where Debian keeps the programs of PostgreSQL 15, and what stands on the path is of the same version. */
const PROGRAMS = "/usr/lib/postgresql/15/bin";

/** Whether Debian's PostgreSQL 15 is installed. */
export async function hasDebianServer(): Promise<boolean> {
  return run(join(PROGRAMS, "postgres"), ["--version"]).then(
    () => true,
    () => false,
  );
}

/** Starts Debian's PostgreSQL 15 on a fresh cluster, as durable as the embedded one; stopping it removes everything. */
export async function startDebianServer(): Promise<BenchServer> {
  const folder = await mkdtemp(join(tmpdir(), "tenantry-bench-debian-"));
  const identity = await serviceIdentity();
  if (identity !== null) await chown(folder, identity.uid, identity.gid);
  const port = await freePort();
  const options = { ...SETTINGS, listen_addresses: "127.0.0.1", port, unix_socket_directories: folder };
  const pgCtl = (...args: readonly string[]): Promise<unknown> =>
    run(join(PROGRAMS, "pg_ctl"), ["-D", join(folder, "data"), "-w", ...args], { ...identity, cwd: "/" });
  await run(
    join(PROGRAMS, "initdb"),
    ["-D", join(folder, "data"), "-A", "trust", "-U", SERVICE_USER, "-E", "UTF8", "--locale=C.UTF-8"],
    { ...identity, cwd: "/" },
  );
  const settings = Object.entries(options).map(([name, value]) => `-c ${name}=${value}`);
  await pgCtl("-l", join(folder, "log"), "-o", settings.join(" "), "start");
  return openBenchServer(`postgres://${SERVICE_USER}@127.0.0.1:${port}/postgres`, async () => {
    await pgCtl("-m", "immediate", "stop");
    await rm(folder, { recursive: true, force: true });
  });
}

/** Whom root runs PostgreSQL as, which refuses root; null for somebody who isn't root. */
async function serviceIdentity(): Promise<{ uid: number; gid: number } | null> {
  if (process.getuid?.() !== 0) return null;
  const [uid, gid] = await Promise.all([run("id", ["-u", SERVICE_USER]), run("id", ["-g", SERVICE_USER])]);
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
}
