import { tmpdir } from "node:os";
import { join } from "node:path";
import { backupsIn, createLogger, openInstallation } from "@tenantry/installation";
import { erp } from "@tenantry/schema/blueprints/erp";
import { startWorker } from "@tenantry/worker";
import type { Contender } from "./contender.ts";
import { openFrontDoor } from "./front-door.ts";
import { ADMIN, CUSTOMER } from "./sample-tenant.ts";

/**
 * (c) Tenantry, from POST to `succeeded`: validation, password hash, license, operation, queue, worker, progress and
 * notification. API and worker share this process, as under `npm start`.
 *
 * @param redisUrl null: the queue lies in PostgreSQL
 */
export function tenantry(redisUrl: string | null): Contender {
  return {
    name: redisUrl === null ? "Tenantry, queue in PostgreSQL" : "Tenantry, queue in Redis",
    kind: "tenantry",
    growsWithCatalog: false,
    inFlightPerWorker: 2,
    open: async ({ databaseUrl, workers }) => {
      const installation = await openInstallation({
        databaseUrl,
        redisUrl,
        blueprints: [erp],
        role: "bench",
        provisioningConnections: workers,
        // Nothing is deleted here.
        backups: backupsIn(join(tmpdir(), "tenantry-bench-backups")),
        legacyDirectory: join(tmpdir(), "tenantry-bench-legacy"),
        log: createLogger({ level: "info", name: "bench" }, { write: passOnTrouble }),
      });
      const worker = await startWorker(installation, { concurrency: workers });
      const door = await openFrontDoor(installation);
      return {
        createTenant: async () => {
          const begun = performance.now();
          const operation = await door.post(REQUEST);
          const acceptMs = performance.now() - begun;
          await door.untilSucceeded(operation);
          return { acceptMs };
        },
        close: async () => {
          await door.close();
          await worker.close();
          await installation.close();
        },
      };
    },
  };
}

const REQUEST = {
  ...CUSTOMER,
  adminUsername: ADMIN.username,
  adminPassword: ADMIN.password,
  licenseType: "yearly",
  maxUsers: 10,
} as const;

/** Every line is written as in a running system, but only trouble is worth reading here. Levels from 40 are trouble. */
function passOnTrouble(line: string): void {
  if (/^\{"level":[4-6]0/.test(line)) process.stderr.write(line);
}
