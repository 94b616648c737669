import type { BenchServer } from "../measuring/postgres-server.ts";
import type { Contender } from "./contender.ts";
import { measure, type Stretch } from "./measure.ts";
import type { Plan } from "./plan.ts";

/**
 * Every contender at every number of workers, each stretch in a new and empty database. They take turns within a round,
 * and each round begins with another one, so that whatever drifts hits all alike.
 */
export async function measureOnEmptyServer(
  server: BenchServer,
  contenders: readonly Contender[],
  plan: Plan,
  tell: (message: string) => void,
): Promise<Stretch[]> {
  const stretches: Stretch[] = [];
  for (let round = 0; round < plan.rounds; round++) {
    const first = round % contenders.length;
    const order = [...contenders.slice(first), ...contenders.slice(0, first)];
    for (const workers of plan.workers) {
      tell(`empty server, round ${round + 1} of ${plan.rounds}, ${workers} at once`);
      for (const contender of order) {
        const databaseUrl = await server.createDatabase();
        const { tenants } = plan;
        stretches.push(await measure({ contender, server, databaseUrl, workers, tenants, warmUp: workers }));
      }
    }
  }
  return stretches;
}
