import { readFile } from "node:fs/promises";
import { GATEWAY_CAPACITY } from "@tenantry/schema";
import { booking } from "@tenantry/schema/blueprints/booking";
import { type TenancyContext, type TenantRef, withTenant } from "@tenantry/tenancy";
import { type Kysely, sql } from "kysely";
import pg from "pg";
import { inLanes } from "../measuring/lanes.ts";
import { makeTenant, withBudget } from "./tenants.ts";

export interface Memory {
  readonly contender: string;
  readonly tenants: number;
  /** Backends that the tenants were served by. */
  readonly backends: number;
  /** MB of anonymous memory of the largest backend; null where there is no Linux `/proc`. */
  readonly largestMb: number | null;
}

/** What a backend holds after each of so many tenants was served once, every table of it read. */
export async function measureMemory(
  ctx: TenancyContext,
  databaseUrl: string,
  firstOrdinal: number,
  count: number,
  tell: (message: string) => void,
): Promise<Memory[]> {
  tell(`${count} tenants of the booking blueprint`);
  const tenants: TenantRef[] = [];
  let made = 0;
  await inLanes(2, count, async () => {
    const ordinal = firstOrdinal + made;
    made += 1;
    tenants.push(await makeTenant(ctx, booking, ordinal));
  });
  tell(`memory of a backend after ${count} tenants`);
  const names = await tableNames(databaseUrl, tenants[0]?.schema_name ?? "");
  return [
    await plainConnection(databaseUrl, tenants, names),
    await throughGateways(ctx, databaseUrl, tenants, names),
  ];
}

async function plainConnection(
  databaseUrl: string,
  tenants: readonly TenantRef[],
  names: readonly string[],
): Promise<Memory> {
  const client = new pg.Client({ connectionString: databaseUrl, options: "-c jit=off" });
  await client.connect();
  try {
    for (const { schema_name } of tenants) {
      await client.query(touch(names.map((name) => `${schema_name}.${name}`)));
    }
    const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
    const largestMb = await anonymousMb(rows[0]?.pid);
    return { contender: "plain connection", tenants: tenants.length, backends: 1, largestMb };
  } finally {
    await client.end();
  }
}

/** One connection at a time, so that a gateway's tenants all meet on the same backend: the worst case. */
async function throughGateways(
  ctx: TenancyContext,
  databaseUrl: string,
  tenants: readonly TenantRef[],
  names: readonly string[],
): Promise<Memory> {
  const one = withBudget(ctx, databaseUrl, 1);
  const sizes = new Map<number, number | null>();
  try {
    for (const tenant of tenants.toSorted((a, b) => a.ordinal - b.ordinal)) {
      const pid = await withTenant(one.ctx, tenant, async (db: Kysely<unknown>) => {
        await sql.raw(touch(names)).execute(db);
        const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db);
        return rows[0]?.pid;
      });
      if (pid !== undefined) sizes.set(pid, await anonymousMb(pid));
    }
  } finally {
    await one.close();
  }
  const known = [...sizes.values()].filter((size) => size !== null);
  return {
    contender: `withTenant, at most ${GATEWAY_CAPACITY} tenants a backend`,
    tenants: tenants.length,
    backends: sizes.size,
    largestMb: known.length === 0 ? null : Math.max(...known),
  };
}

function touch(tables: readonly string[]): string {
  return `select ${tables.map((name) => `(select count(*) from ${name})`).join(", ")}`;
}

async function tableNames(databaseUrl: string, schema: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ tablename: string }>(
      "select tablename from pg_tables where schemaname = $1 and tablename !~ '^(tenantry|kysely)_' order by 1",
      [schema],
    );
    return rows.map(({ tablename }) => tablename);
  } finally {
    await client.end();
  }
}

/** `RssAnon` of proc_pid_status(5): what is the backend's alone, without the server's shared buffers. */
async function anonymousMb(pid: number | undefined): Promise<number | null> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => null);
  const kilobytes = status === null ? null : /^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1];
  return kilobytes === null || kilobytes === undefined ? null : Number(kilobytes) / 1024;
}
