import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll } from "vitest";
import { freePort } from "./free-port.ts";

/** Debian puts it where an ordinary user's PATH doesn't look. */
const PROGRAM = ["pgbouncer", "/usr/sbin/pgbouncer"].find(
  (path) => spawnSync(path, ["--version"]).status === 0,
);

/** Whether there is a PgBouncer here to test with. */
export const hasPgBouncer = PROGRAM !== undefined;
if (!hasPgBouncer)
  process.stderr.write("No pgbouncer on the PATH: what goes through a pooler isn't tested.\n");

/**
 * Starts a PgBouncer in transaction mode before a database, and stops it after the file.
 *
 * @param adminUrl of the database, as a superuser, whom it asks for the logins' passwords
 * @param connections to the server, all logins together
 * @param connectQuery run on each connection to the server when it is new
 * @returns the database's URL through it, without a login
 */
export async function startPgBouncer(
  adminUrl: string,
  connections: number,
  connectQuery?: string,
): Promise<string> {
  if (PROGRAM === undefined) throw new Error("there is no pgbouncer");
  const admin = new URL(adminUrl);
  const directory = await mkdtemp(join(tmpdir(), "tenantry-pgbouncer-"));
  const port = await freePort();
  const user = decodeURIComponent(admin.username);
  const database = decodeURIComponent(admin.pathname.slice(1));
  await writeFile(join(directory, "users"), `"${user}" "${decodeURIComponent(admin.password)}"\n`);
  await writeFile(
    join(directory, "pgbouncer.ini"),
    `[databases]
${database} = host=${admin.hostname} port=${admin.port || 5432} dbname=${database} auth_user=${user}${connectQuery === undefined ? "" : ` connect_query='${connectQuery}'`}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${join(directory, "users")}
auth_query = SELECT usename, passwd FROM pg_shadow WHERE usename = $1
pool_mode = transaction
default_pool_size = ${connections}
max_db_connections = ${connections}
max_client_conn = 200
ignore_startup_parameters = extra_float_digits,options
`,
  );
  // It refuses to run as root; whoever it becomes then has to read its files.
  const asRoot = process.getuid?.() === 0;
  if (asRoot) await Promise.all([chmod(directory, 0o755), chmod(join(directory, "users"), 0o644)]);
  const server = spawn(PROGRAM, [...(asRoot ? ["-u", "nobody"] : []), join(directory, "pgbouncer.ini")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  afterAll(async () => {
    const ended = server.exitCode === null ? once(server, "exit") : Promise.resolve();
    server.kill("SIGKILL");
    await ended;
    await rm(directory, { recursive: true, force: true });
  });
  const lines: string[] = [];
  for await (const line of createInterface({ input: server.stderr })) {
    lines.push(line);
    if (!line.includes("process up")) continue;
    server.stderr.resume();
    return `postgres://127.0.0.1:${port}/${database}`;
  }
  throw new Error(`pgbouncer didn't start:\n${lines.join("\n")}`);
}
