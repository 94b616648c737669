import { setTimeout as wait } from "node:timers/promises";
import pg from "pg";
import { onTestFinished } from "vitest";
import { withAdmin } from "./database.ts";

const HOLDER = "test-holder";

/** Holds a lock until it is released or the test ends, to stop whoever needs it at exactly that point. */
export async function hold(url: string, statement: string): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: url, application_name: HOLDER });
  // Its server may be what the test kills.
  client.on("error", () => undefined);
  await client.connect();
  await client.query("BEGIN");
  await client.query(statement);
  let held = true;
  const release = async (): Promise<void> => {
    if (!held) return;
    held = false;
    await client.query("ROLLBACK").catch(() => undefined);
    await client.end();
  };
  onTestFinished(release);
  return release;
}

/**
 * Waits until a connection of that name, or so many, to this very database waits for a lock; returns its backend's pid. While a lock is
 * held by `hold` there, it is one that waits for that, or for somebody who does: at its start a process may wait for others.
 */
export async function untilBlocked(url: string, applicationName: string, count = 1): Promise<number> {
  return withAdmin(url, async (client) => {
    for (const deadline = Date.now() + 30_000; Date.now() < deadline; ) {
      const found = await client.query<{ pid: number }>(BLOCKED, [applicationName, HOLDER]);
      const [row] = found.rows;
      if (row !== undefined && found.rows.length >= count) return row.pid;
      await wait(10);
    }
    throw new Error(`nothing of ${applicationName} came to wait for a lock`);
  });
}

const BLOCKED = `
  WITH RECURSIVE here AS (
    SELECT pid, application_name, wait_event_type FROM pg_stat_activity WHERE datname = current_database()
  ), holder AS (
    SELECT pid FROM here WHERE application_name = $2
  ), waiting AS (
    SELECT pid, application_name, pg_blocking_pids(pid) AS others FROM here WHERE wait_event_type = 'Lock'
  ), held AS (
    SELECT pid FROM waiting WHERE others && ARRAY(SELECT pid FROM holder) OR NOT EXISTS (SELECT FROM holder)
    UNION SELECT waiting.pid FROM waiting JOIN held ON held.pid = ANY (others)
  )
  SELECT pid FROM waiting JOIN held USING (pid) WHERE application_name = $1`;

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
