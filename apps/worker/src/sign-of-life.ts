import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Installation } from "@tenantry/installation";
import { sql } from "kysely";

const INTERVAL_MS = 10_000;

/** Touched while PostgreSQL and the queue answer; a container's health check looks at its age. */
export const SIGN_OF_LIFE_FILE = join(tmpdir(), "tenantry-worker-alive");

/** A worker listens on no port: this is how it is asked whether it is well. Returns a function that stops it. */
export function keepSignOfLife({ ctx, queues }: Installation): () => void {
  const sign = async (): Promise<void> => {
    await sql`select 1`.execute(ctx.control);
    await queues.ping();
    await writeFile(SIGN_OF_LIFE_FILE, "");
  };
  const attempt = (): void => {
    sign().catch((error: unknown) => ctx.log.warn({ err: error }, "no sign of life"));
  };
  attempt();
  const timer = setInterval(attempt, INTERVAL_MS);
  return () => clearInterval(timer);
}
