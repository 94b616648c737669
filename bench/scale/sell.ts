import { inLanes } from "../measuring/lanes.ts";

/** A sale of a `booking` license, from POST until its tenant is ready. */
export interface Shop {
  /** @returns milliseconds that it took */
  sell(): Promise<number>;
}

export function openShop(address: string, token: string): Shop {
  return {
    sell: async () => {
      const begun = performance.now();
      const response = await fetch(`${address}/v1/licenses`, {
        method: "POST",
        headers: {
          authorization: `Bearer ${token}`,
          "content-type": "application/json",
          prefer: "wait=60",
        },
        body: JSON.stringify({
          clientName: "Bench",
          blueprint: "booking",
          parameters: { adminTelegramId: 4_242_424_242 },
        }),
      });
      const text = await response.text();
      if (response.status !== 201) throw new Error(`${response.status}: ${text}`);
      return performance.now() - begun;
    },
  };
}

export interface Stretch {
  readonly tenants: number;
  readonly seconds: number;
  /** Of each tenant, in milliseconds. */
  readonly latencies: readonly number[];
}

/** Sells so many licenses, `lanes` at once. */
export async function sellMany(shop: Shop, tenants: number, lanes: number): Promise<Stretch> {
  const latencies: number[] = [];
  const begun = performance.now();
  await inLanes(lanes, tenants, async () => void latencies.push(await shop.sell()));
  return { tenants, seconds: (performance.now() - begun) / 1000, latencies };
}
