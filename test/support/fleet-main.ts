import { setTimeout as wait } from "node:timers/promises";
import { backupsIn, createLogger, openInstallation } from "@tenantry/installation";
import { performOperation } from "@tenantry/tenancy";
import { slowFleet } from "./fleet-blueprint.ts";

/** Silent for longer than this, it is taken for dead. */
const LEASE_MS = 400;

const { TEST_DATABASE_URL = "", TEST_ROLE = "", TEST_RUN = "" } = process.env;
const installation = await openInstallation({
  databaseUrl: TEST_DATABASE_URL,
  redisUrl: null,
  blueprints: [slowFleet],
  role: TEST_ROLE,
  provisioningConnections: 2,
  backups: backupsIn(""),
  legacyDirectory: "",
  log: createLogger({ level: "silent", name: "worker" }),
});
process.send?.("ready");
for (;;) {
  const outcome = await performOperation(installation.ctx, {
    operationId: TEST_RUN,
    worker: TEST_ROLE,
    leaseMs: LEASE_MS,
    maxAttempts: 1_000,
    sink: { progress: async () => undefined, log: async () => undefined },
    // As the queue does when the control database is away.
  }).catch(() => null);
  if (outcome !== null && outcome.kind !== "not-yet" && outcome.kind !== "superseded") {
    process.send?.(outcome.kind);
    break;
  }
  await wait(50);
}
await installation.close();
process.disconnect?.();
