import { setTimeout as wait } from "node:timers/promises";
import pg from "pg";
import { onTestFinished } from "vitest";
import { withAdmin } from "./database.ts";

/** Holds a lock until it is released or the test ends, to stop whoever needs it at exactly that point. */
export async function hold(url: string, statement: string): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query("BEGIN");
  await client.query(statement);
  let held = true;
  const release = async (): Promise<void> => {
    if (!held) return;
    held = false;
    await client.query("ROLLBACK");
    await client.end();
  };
  onTestFinished(release);
  return release;
}

/** Waits until a connection of that name to this very database waits for a lock; returns its backend's pid. */
export async function untilBlocked(url: string, applicationName: string): Promise<number> {
  return withAdmin(url, async (client) => {
    for (const deadline = Date.now() + 30_000; Date.now() < deadline; ) {
      const found = await client.query<{ pid: number }>(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1 AND wait_event_type = 'Lock'",
        [applicationName],
      );
      const [row] = found.rows;
      if (row !== undefined) return row.pid;
      await wait(10);
    }
    throw new Error(`nothing of ${applicationName} came to wait for a lock`);
  });
}

/** Ends a server's session, and returns when it is gone: until then it could still get a lock that is released. */
export async function endSession(url: string, backend: number): Promise<void> {
  await withAdmin(url, (client) => client.query("SELECT pg_terminate_backend($1, 30000)", [backend]));
}

/** Ends what a dead worker's sessions had been sent, which the server would otherwise carry out. */
export async function endSessionsOf(url: string, role: string): Promise<void> {
  await withAdmin(url, (client) =>
    client.query(
      "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity WHERE datname = current_database() AND starts_with(application_name, $1)",
      [`tenantry-${role}-`],
    ),
  );
}
