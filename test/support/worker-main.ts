import { backupsIn, createLogger, openInstallation } from "@tenantry/installation";
import { erp } from "@tenantry/schema/blueprints/erp";
import { startWorker } from "@tenantry/worker";
import { shop } from "./shop-blueprint.ts";
import { tiny } from "./tiny-blueprint.ts";

const {
  TEST_DATABASE_URL = "",
  TEST_REDIS_URL = "",
  TEST_LEASE_MS = "",
  TEST_ROLE = "",
  TEST_BACKUPS = "",
  TEST_LEGACY = "",
} = process.env;
const installation = await openInstallation({
  databaseUrl: TEST_DATABASE_URL,
  redisUrl: TEST_REDIS_URL === "" ? null : TEST_REDIS_URL,
  blueprints: [erp, tiny, shop],
  role: TEST_ROLE,
  provisioningConnections: 2,
  backups: backupsIn(TEST_BACKUPS),
  legacyDirectory: TEST_LEGACY,
  log: createLogger({ level: "silent", name: "worker" }),
});
await startWorker(installation, {
  concurrency: 2,
  leaseMs: Number(TEST_LEASE_MS),
  dispatchIntervalMs: 200,
  recheckMs: 1_000,
});
process.send?.("ready");
