import { withAdmin } from "./database.ts";

/** Kills one that is at work for this worker just now; the server then starts anew. False when there is none. */
export async function killBackend(adminUrl: string, role: string): Promise<boolean> {
  const pid = await withAdmin(adminUrl, async (client) => {
    const found = await client.query<{ pid: number }>(
      "SELECT pid FROM pg_stat_activity WHERE application_name LIKE $1 AND xact_start IS NOT NULL ORDER BY random() LIMIT 1",
      [`tenantry-${role}-%`],
    );
    return found.rows[0]?.pid;
  });
  return pid !== undefined && killProcess(pid);
}

/** False when it has ended by itself since. */
export function killProcess(pid: number): boolean {
  try {
    return process.kill(pid, "SIGKILL");
  } catch (error) {
    if (Reflect.get(Object(error), "code") === "ESRCH") return false;
    throw error;
  }
}
