import { createRoleScript, GATEWAY_CAPACITY, quoteIdentifier, quoteLiteral } from "@tenantry/schema";
import { erp } from "@tenantry/schema/blueprints/erp";
import {
  placementOf,
  provideGateway,
  type TenancyContext,
  type TenantRef,
  tenantGateway,
  withTenant,
} from "@tenantry/tenancy";
import { sql } from "kysely";
import pg from "pg";
import { median, percentile } from "../measuring/statistics.ts";
import { makeTenant, withBudget } from "./tenants.ts";

export interface AfterCreation {
  readonly contender: string;
  /** Which gateway the new tenant came to. */
  readonly created: "on another gateway" | "on the same gateway";
  /** Milliseconds of one transaction, medians: with nothing going on, and the first after a tenant was made. */
  readonly before: number;
  readonly after: number;
  readonly extraMedian: number;
  readonly extraP95: number;
}

export interface MembershipPlan {
  /** Roles there are before, as of so many tenants; the last of their ordinals. */
  readonly roles: number;
  /** Tenants made, and first transactions timed, for each row. */
  readonly creations: number;
}

const ROLES_AT_A_TIME = 50;
const STEADY = 20;

interface Contender {
  readonly name: string;
  readonly transaction: () => Promise<unknown>;
}

/**
 * What a transaction costs right after another tenant was made: on a plain connection, through a gateway, and as the
 * login that is a member of every tenant's role. Each has one connection of its own, so it is the same backend each time.
 */
export async function measureMemberships(
  ctx: TenancyContext,
  urls: { readonly owner: string; readonly superuser: string },
  tenant: TenantRef,
  firstFree: number,
  { roles, creations }: MembershipPlan,
  tell: (message: string) => void,
): Promise<AfterCreation[]> {
  tell(`${roles} roles in ${Math.ceil(roles / GATEWAY_CAPACITY)} gateways`);
  await makeRoles(ctx, firstFree, roles);
  await using stack = new AsyncDisposableStack();
  const all = await memberOfAll(urls, ctx.installationId);
  const [plain, member] = [client(urls.owner), client(all)];
  for (const each of [plain, member]) {
    await each.connect();
    stack.defer(() => each.end());
  }
  const one = withBudget(ctx, urls.owner, 1);
  stack.defer(() => one.close());
  const table = `${tenant.schema_name}.settings`;
  const inThree = async (connection: pg.Client, open: string, from: string): Promise<void> => {
    await connection.query(open);
    await connection.query(`select value from ${from} where key = 'work_hours_start'`);
    await connection.query("commit");
  };
  const contenders: Contender[] = [
    { name: "plain connection", transaction: () => inThree(plain, "begin", table) },
    {
      name: "withTenant through a gateway",
      transaction: () =>
        withTenant(one.ctx, tenant, (db) =>
          sql`select value from settings where key = 'work_hours_start'`.execute(db),
        ),
    },
    {
      name: "a login that is a member of all",
      transaction: () =>
        inThree(
          member,
          `begin; set local role ${quoteIdentifier(tenant.role_name)}; set local search_path = ${tenant.schema_name}`,
          "settings",
        ),
    },
  ];
  tell("a transaction right after another tenant was made");
  return [
    ...(await timeAfter(ctx, contenders, "on another gateway", all, roles + 1, creations)),
    ...(await timeAfter(ctx, contenders, "on the same gateway", all, SPARE.from, creations)),
  ];
}

/** Ordinals of the measured tenant's own gateway that no role is made for beforehand. */
const SPARE = { from: 401, to: 460 };

async function makeRoles(ctx: TenancyContext, from: number, last: number): Promise<void> {
  const placement = await placementOf(ctx, { placement: "default" });
  for (let first = from; first <= last; first += ROLES_AT_A_TIME) {
    const scripts: string[] = [];
    for (let ordinal = first; ordinal < first + ROLES_AT_A_TIME && ordinal <= last; ordinal++) {
      if (ordinal >= SPARE.from && ordinal <= SPARE.to) continue;
      const gateway = tenantGateway(ctx, { ordinal });
      await provideGateway(ctx, placement, gateway);
      scripts.push(createRoleScript(gateway, `bench_${ctx.installationId}_${ordinal}`));
    }
    await placement.provisioning.query(`BEGIN;\n${scripts.join("")}COMMIT;`);
  }
}

/** The way that was measured and left: one login, a member of every tenant's role. Made by a superuser in one go. */
async function memberOfAll(
  urls: { owner: string; superuser: string },
  installation: string,
): Promise<string> {
  const name = `bench_${installation}_member_of_all`;
  const admin = client(urls.superuser);
  await admin.connect();
  try {
    await admin.query(`CREATE ROLE ${name} LOGIN NOINHERIT PASSWORD 'bench'`);
    await admin.query(
      `DO $$ DECLARE each text; BEGIN FOR each IN SELECT rolname FROM pg_roles
         WHERE rolname ~ ${quoteLiteral(`^bench_${installation}_[0-9]+$`)}
       LOOP EXECUTE format('GRANT %I TO ${name}', each); END LOOP; END $$`,
    );
  } finally {
    await admin.end();
  }
  const url = new URL(urls.owner);
  url.username = name;
  url.password = "bench";
  return url.href;
}

async function timeAfter(
  ctx: TenancyContext,
  contenders: readonly Contender[],
  created: AfterCreation["created"],
  memberUrl: string,
  ordinal: number,
  creations: number,
): Promise<AfterCreation[]> {
  const before = new Map<Contender, number[]>(contenders.map((each) => [each, []]));
  const after = new Map<Contender, number[]>(contenders.map((each) => [each, []]));
  for (let index = 0; index < creations; index++) {
    for (const contender of contenders) {
      for (let again = 0; again < STEADY; again++)
        before.get(contender)?.push(await timed(contender.transaction));
    }
    const made = await makeTenant(ctx, erp, ordinal + index);
    await joinAll(ctx, made, new URL(memberUrl).username);
    // In turns, so that nobody is always the first after the creation.
    const order = contenders.map((_, place) => contenders[(place + index) % contenders.length] as Contender);
    for (const contender of order) after.get(contender)?.push(await timed(contender.transaction));
  }
  return contenders.map((contender) => {
    const steady = median(before.get(contender) ?? []);
    const first = after.get(contender) ?? [];
    return {
      contender: contender.name,
      created,
      before: steady,
      after: median(first),
      extraMedian: median(first) - steady,
      extraP95: percentile(first, 0.95) - steady,
    };
  });
}

/** The new role is given to the login that is a member of all, too, as it would have been. */
async function joinAll(ctx: TenancyContext, made: TenantRef, login: string): Promise<void> {
  const { keeper } = tenantGateway(ctx, made);
  const { provisioning } = await placementOf(ctx, made);
  await provisioning.query(
    `BEGIN; SET LOCAL ROLE ${quoteIdentifier(keeper)}; GRANT ${quoteIdentifier(made.role_name)} TO ${quoteIdentifier(login)}; COMMIT`,
  );
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

function client(connectionString: string): pg.Client {
  return new pg.Client({ connectionString, options: "-c jit=off" });
}
