import { setTimeout as wait } from "node:timers/promises";
import { ADMIN, CUSTOMER } from "../create-tenant/sample-tenant.ts";
import { FLEET } from "./fleet-folder.ts";

export type Pace = "yield" | "full";

/** Bulk work that is under way. */
export interface BulkWork {
  /** Ends it where it is. @returns tenants that it has done */
  stop(): Promise<number>;
}

/** Orders bulk work over HTTP, as a sales system or ops do. */
export interface BulkOrders {
  /** So many `erp` licenses, of 53 tables each. Resolves when they have been accepted. */
  create(licenses: number, pace: Pace): Promise<BulkWork>;
  /** So many small tenants to be migrated later. Resolves when they are there. */
  createFleet(tenants: number): Promise<void>;
  migrateFleet(pace: Pace): Promise<BulkWork>;
}

/** The most that one request takes. */
const ITEMS = 1_000;

interface OperationView {
  readonly id: string;
  readonly state: string;
  readonly progress: { readonly done: number };
}

export function openBulkOrders(address: string, token: string): BulkOrders {
  async function call(method: "GET" | "POST", path: string, body?: object): Promise<unknown> {
    const response = await fetch(`${address}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text);
  }
  const order = async (path: string, body: object): Promise<string> =>
    ((await call("POST", path, body)) as { operation: OperationView }).operation.id;
  const ended = async (id: string): Promise<number> => {
    for (;;) {
      const { state, progress } = (await call("GET", `/v1/operations/${id}`)) as OperationView;
      if (["succeeded", "failed", "canceled"].includes(state)) return progress.done;
      await wait(100);
    }
  };
  const bulkWork = (id: string): BulkWork => ({
    stop: async () => {
      const { state, progress } = (await call("GET", `/v1/operations/${id}`)) as OperationView;
      if (state === "succeeded") return progress.done;
      await call("POST", `/v1/operations/${id}/cancel`, {});
      await ended(id);
      return progress.done;
    },
  });
  return {
    create: async (licenses, pace) => {
      const one = {
        ...CUSTOMER,
        adminUsername: ADMIN.username,
        adminPassword: ADMIN.password,
        blueprint: "erp",
      };
      const id = await order("/v1/licenses/bulk", {
        licenses: Array.from({ length: licenses }, () => one),
        pace,
      });
      return bulkWork(id);
    },
    createFleet: async (tenants) => {
      const one = { clientName: "Bench", blueprint: FLEET };
      for (let left = tenants; left > 0; left -= ITEMS) {
        const licenses = Array.from({ length: Math.min(left, ITEMS) }, () => one);
        await ended(await order("/v1/licenses/bulk", { licenses, pace: "full" }));
      }
    },
    migrateFleet: async (pace) => bulkWork(await order("/v1/fleet-migrations", { blueprint: FLEET, pace })),
  };
}
