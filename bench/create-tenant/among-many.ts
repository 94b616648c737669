import { availableParallelism } from "node:os";
import type { BenchServer } from "../measuring/postgres-server.ts";
import type { Contender } from "./contender.ts";
import { makeExistingTenants } from "./existing-tenants.ts";
import { measure, type Stretch } from "./measure.ts";
import type { Plan } from "./plan.ts";

/**
 * Every contender among many tenants that were there before, at the number of workers that suited it best on the empty
 * server; those who read the whole catalog at no more than there are cores. All in one database, which grows by what is
 * measured; they take turns, so it grows under all alike.
 */
export async function measureAmongMany(
  server: BenchServer,
  contenders: readonly Contender[],
  bestWorkers: (contender: string) => number,
  plan: Plan,
  tell: (message: string) => void,
): Promise<Stretch[]> {
  tell(`making ${plan.existing} tenants to be among`);
  const databaseUrl = await server.createDatabase();
  await makeExistingTenants(databaseUrl, plan.existing);
  const stretches: Stretch[] = [];
  for (let round = 0; round < plan.existingRounds; round++) {
    tell(`among ${plan.existing}, round ${round + 1} of ${plan.existingRounds}`);
    for (const contender of contenders) {
      const workers = bestWorkers(contender.name);
      const amount = contender.growsWithCatalog
        ? // Reading the catalog takes a core, and memory for every column there is. Being warm makes no difference to it.
          { workers: Math.min(workers, availableParallelism()), tenants: plan.slowTenants, warmUp: 0 }
        : { workers, tenants: plan.tenants, warmUp: workers };
      stretches.push(await measure({ contender, server, databaseUrl, ...amount }));
    }
  }
  return stretches;
}
