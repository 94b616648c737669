import { GATEWAY_CAPACITY, gatewayOf, hardenings } from "@tenantry/schema";
import { type Kysely, sql } from "kysely";
import type { Placement, TenancyContext } from "../context.ts";
import type { TenantRow } from "../license-view.ts";
import { gatewayLogin } from "../tenant-connection.ts";
import { withTenant } from "../with-tenant.ts";
import { checkRedis } from "./check-redis.ts";
import { type Finding, ok, problem, simpleFix } from "./finding.ts";
import { type Hole, ISOLATION_PROBES, type IsolationProbe } from "./isolation-probes.ts";
import { reachPlacement } from "./reach-placement.ts";

/** Holes of one kind that are listed; one mend often closes more, and a screen holds only so many. */
const LISTED = 20;

/**
 * Looks for holes in the walls between tenants: in the rights that are given, and by trying. Unlike the doctor's other
 * checks this reads the catalog as a whole, so it takes longer where there are more tenants: a second for thousands.
 */
export async function examineIsolation(ctx: TenancyContext): Promise<Finding[]> {
  const findings: Finding[] = [];
  const names = await ctx.control.selectFrom("placements").select("name").orderBy("name").execute();
  for (const { name } of names) {
    const { placement, lost } = await reachPlacement(ctx, name);
    if (placement === null) {
      findings.push(lost);
      continue;
    }
    const tenants = await ctx.control
      .selectFrom("tenants")
      .selectAll()
      .where("placement", "=", placement.name)
      .where("state", "=", "ready")
      .orderBy("ordinal")
      .execute();
    findings.push(
      ...(await checkHardenings(placement)),
      ...(await checkRights(ctx, placement, tenants)),
      ...(await checkGateways(ctx, placement, tenants)),
      ...(await checkDoor(ctx, tenants)),
      ...(await checkRedis(ctx, tenants)),
    );
  }
  return findings;
}

/** What PostgreSQL leaves open to everybody, unless a superuser closes it. */
async function checkHardenings(placement: Placement): Promise<Finding[]> {
  const { rows } = await placement.provisioning.query<{ owner: string; powerful: boolean }>(
    `SELECT current_user::text AS owner, rolsuper OR (SELECT datdba FROM pg_database WHERE datname = current_database()) = pg_roles.oid AS powerful
     FROM pg_roles WHERE rolname = current_user`,
  );
  const { owner = "", powerful = false } = rows[0] ?? {};
  const findings: Finding[] = [];
  for (const { name, risk, isOpen, mend } of hardenings(owner)) {
    const answer = await placement.provisioning.query<{ open: boolean }>(`SELECT (${isOpen}) AS open`);
    if (answer.rows[0]?.open !== true) continue;
    const byOwner = powerful && /^(schema public|temporary tables)$/.test(name);
    findings.push(
      problem(
        "server",
        `Everybody may ${risk}`,
        `In this database, ${byOwner ? "as its owner" : "as a superuser"}:\n${mend}`,
        byOwner
          ? simpleFix(`Close what everybody may do: ${name}`, () => placement.provisioning.query(mend))
          : undefined,
      ),
    );
  }
  return findings.length > 0
    ? findings
    : [ok("server", "What PostgreSQL leaves open to everybody is closed in this database")];
}

async function checkRights(
  ctx: TenancyContext,
  placement: Placement,
  tenants: readonly TenantRow[],
): Promise<Finding[]> {
  const gateways = gatewaysOf(ctx, tenants);
  const values = [
    tenants.map(({ schema_name }) => schema_name),
    tenants.map(({ role_name }) => role_name),
    gateways.map(({ login }) => login),
    gateways.map(({ keeper }) => keeper),
    GATEWAY_CAPACITY,
  ];
  const findings: Finding[] = [];
  for (const probe of ISOLATION_PROBES) {
    const used = Number(/\$5/.test(probe.query)) + 4;
    // Parameters that a query doesn't mention have no type: the unused ones are mentioned here.
    const mention = "WHERE ($1::text[], $2::text[], $3::text[], $4::text[]) IS NOT NULL";
    const { rows } = await placement.provisioning.query<Hole>(
      `SELECT * FROM (${probe.query}) AS holes ${mention} LIMIT ${LISTED + 1}`,
      values.slice(0, used),
    );
    findings.push(...explain(placement, probe, rows));
  }
  return findings;
}

function explain(placement: Placement, probe: IsolationProbe, holes: readonly Hole[]): Finding[] {
  if (holes.length === 0) return [ok(probe.check, sentence(probe.fine))];
  const listed = holes.slice(0, LISTED).map((hole) => {
    const mend = probe.mend(hole);
    const fix = probe.fixable
      ? simpleFix(mend.replace(/;$/, ""), () => placement.provisioning.query(mend))
      : undefined;
    return problem(probe.check, probe.detail(hole), `Run: ${mend}`, fix);
  });
  if (holes.length <= LISTED) return listed;
  return [...listed, problem(probe.check, "There are more of these", "Mend the first ones, and look again.")];
}

/** Are the gateways there, can they log in, and is there a pooler in between that keeps a transaction together? */
async function checkGateways(
  ctx: TenancyContext,
  placement: Placement,
  tenants: readonly TenantRow[],
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const pooled: boolean[] = [];
  for (const gateway of gatewaysOf(ctx, tenants)) {
    try {
      const seen = await placement.gateways.use(gatewayLogin(ctx, gateway), async (client) => {
        const { rows } = await client.query<{ pid: number; login: string; path: string }>(
          "SELECT pg_backend_pid() AS pid, session_user::text AS login, current_setting('search_path') AS path",
        );
        return { ...rows[0], announced: Reflect.get(client, "processID") as number | null };
      });
      pooled.push(seen.pid !== seen.announced);
      if (seen.login !== gateway.login) {
        findings.push(
          problem(
            "gateways",
            `Whoever logs in as ${gateway.login} becomes ${seen.login}`,
            "Let the pooler log in to the server as the login that its client gave.",
          ),
        );
      }
    } catch (error) {
      ctx.log.warn({ err: error, gateway: gateway.login }, "a gateway can't log in");
      findings.push(
        problem(
          "gateways",
          `Gateway ${gateway.login} can't log in`,
          "Let it in: a line of pg_hba.conf with scram-sha-256 for this database, and a pooler that knows it (auth_query). A lost password mends itself at the next use.",
        ),
      );
    }
  }
  if (findings.length > 0) return findings;
  return [
    ok("gateways", `${pooled.length} gateways log in and have no right of their own`),
    ok(
      "pooler",
      pooled.some(Boolean)
        ? "A pooler stands between, and keeps a tenant's transaction together"
        : "No pooler stands between",
    ),
  ];
}

/** Tries the walls from inside: two tenants, in both modes, each looking for the other. */
async function checkDoor(ctx: TenancyContext, tenants: readonly TenantRow[]): Promise<Finding[]> {
  const [one, two] = tenants.slice(-2);
  if (one === undefined) return [ok("door", "There is no tenant yet to try the walls with")];
  const findings: Finding[] = [];
  for (const mode of ["shared", "login"] as const) {
    try {
      const seen = await withTenant(
        ctx,
        one,
        async (db: Kysely<unknown>) => {
          const { rows } = await sql<{ role: string; path: string; open: boolean | null }>`
            select current_user::text as role, current_setting('search_path') as path,
              has_schema_privilege(to_regnamespace(${two?.schema_name ?? "tenantry"})::oid, 'USAGE') as open`.execute(
            db,
          );
          return rows[0];
        },
        { mode },
      );
      const right =
        seen?.role === one.role_name && seen.path === `${one.schema_name}, pg_temp` && seen.open !== true;
      if (right) findings.push(ok("door", `In ${mode} mode a tenant is itself, and sees no other`));
      else {
        findings.push(
          problem(
            "door",
            `In ${mode} mode tenant ${one.schema_name} is ${seen?.role} on path ${seen?.path}${seen?.open === true ? `, and may enter ${two?.schema_name}` : ""}`,
            "Report it, and stop serving tenants until it is understood.",
          ),
        );
      }
    } catch (error) {
      ctx.log.warn({ err: error, mode }, "the door doesn't open");
      findings.push(
        problem(
          "door",
          `In ${mode} mode tenant ${one.schema_name} can't be entered`,
          `Run \`tenantry doctor\` with its license's key${mode === "login" ? "; pg_hba.conf has to let the tenant's role log in" : ""}.`,
        ),
      );
    }
  }
  return findings;
}

function gatewaysOf(ctx: TenancyContext, tenants: readonly TenantRow[]) {
  const gateways = tenants.map(({ ordinal }) => gatewayOf(ctx.installationId, ordinal));
  return [...new Map(gateways.map((gateway) => [gateway.login, gateway])).values()];
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
