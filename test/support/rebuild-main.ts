import { backupsIn, createLogger, openInstallation } from "@tenantry/installation";
import { erp } from "@tenantry/schema/blueprints/erp";
import { restoreAll } from "@tenantry/tenancy";
import { tiny } from "./tiny-blueprint.ts";

const {
  TEST_DATABASE_URL = "",
  TEST_FROM = "",
  TEST_KEY = "",
  TEST_BACKUPS = "",
  TEST_DIE_AT = "",
} = process.env;
const installation = await openInstallation({
  databaseUrl: TEST_DATABASE_URL,
  redisUrl: null,
  blueprints: [erp, tiny],
  role: "rebuild",
  provisioningConnections: 2,
  backups: { ...backupsIn(TEST_BACKUPS), key: Buffer.from(TEST_KEY, "base64") },
  legacyDirectory: "/nonexistent",
  log: createLogger({ level: "silent", name: "rebuild" }),
});
await restoreAll(installation.ctx, {
  from: TEST_FROM,
  signal: new AbortController().signal,
  // By itself, so that it isn't a step further when it dies.
  onProgress: (message) => {
    if (new RegExp(TEST_DIE_AT).test(message)) process.kill(process.pid, "SIGKILL");
  },
});
await installation.close();
