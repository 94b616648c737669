import { hashPassword } from "@tenantry/tenancy";
import type { BenchServer } from "../measuring/postgres-server.ts";
import { type QuerySpan, watchQueries } from "../measuring/query-spans.ts";
import { median } from "../measuring/statistics.ts";
import type { Contender } from "./contender.ts";
import { ADMIN } from "./sample-tenant.ts";

/** Where the time of one tenant goes, made one after the other, so that nobody waits for a core. */
export interface Parts {
  readonly contender: string;
  /** From asking to being there. Milliseconds, median. */
  readonly tenantMs: number;
  /** One password hash by itself. Milliseconds, median. */
  readonly hashMs: number;
  /** Queries of one tenant, by the connections they were sent on. Some of them run beside each other. */
  readonly connections: readonly QueryCost[];
  readonly statements: readonly QueryCost[];
}

export interface QueryCost {
  readonly what: string;
  /** Per tenant. */
  readonly count: number;
  /** Per tenant, as its sender waited for it. */
  readonly ms: number;
}

const WARM_UP = 3;
const HASHES = 15;
const SHAPE_LENGTH = 110;

export async function measureParts(
  server: BenchServer,
  contender: Contender,
  tenants: number,
): Promise<Parts> {
  const hashMs = await times(HASHES, () => hashPassword(ADMIN.password));
  const databaseUrl = await server.createDatabase();
  const open = await contender.open({ databaseUrl, workers: 1, tenants: tenants + WARM_UP });
  try {
    await times(WARM_UP, () => open.createTenant());
    const finish = watchQueries();
    const tenantMs = await times(tenants, () => open.createTenant());
    const spans = finish();
    return {
      contender: contender.name,
      tenantMs: median(tenantMs),
      hashMs: median(hashMs),
      connections: costs(spans, tenants, (span) => span.application),
      statements: costs(spans, tenants, (span) => `${span.application}: ${shape(span.text)}`),
    };
  } finally {
    await open.close();
  }
}

async function times(count: number, work: () => Promise<unknown>): Promise<number[]> {
  const durations: number[] = [];
  for (let done = 0; done < count; done++) {
    const begun = performance.now();
    await work();
    durations.push(performance.now() - begun);
  }
  return durations;
}

function costs(spans: readonly QuerySpan[], tenants: number, by: (span: QuerySpan) => string): QueryCost[] {
  return [...Map.groupBy(spans, by)]
    .map(([what, group]) => ({
      what,
      count: group.length / tenants,
      ms: group.reduce((sum, span) => sum + span.ms, 0) / tenants,
    }))
    .toSorted((a, b) => b.ms - a.ms);
}

/** A statement without what differs from tenant to tenant. */
function shape(text: string): string {
  return text
    .replaceAll(/tenant_[0-9a-z]{4}(_[0-9a-z]+)+/g, "tenant_…")
    .replaceAll(/\s+/g, " ")
    .slice(0, SHAPE_LENGTH);
}
