import {
  CONTROL_SCHEMA,
  ensureGateway,
  lostRoleScript,
  membershipScript,
  membershipStatement,
  quoteIdentifier,
  quoteLiteral,
  type TenantAccess,
} from "@tenantry/schema";
import type { Placement, TenancyContext } from "../context.ts";
import { gatewayLogin, tenantGateway } from "../tenant-connection.ts";
import { type Finding, ok, problem, simpleFix } from "./finding.ts";

/** Schemas that a tenant's role must have no way into: the control schema and the queue's. */
const CLOSED_SCHEMAS: readonly string[] = [CONTROL_SCHEMA, "tenantry_queue"];

interface RoleFacts {
  readonly found: boolean;
  readonly member: boolean;
  readonly usage: boolean;
  readonly creates: boolean;
  readonly powers: string[];
  readonly groups: string[];
  readonly open_schemas: string[];
}

/** Can the tenant's gateway work as its role, and has that role rights in its own schema only? */
export async function checkRole(
  ctx: TenancyContext,
  placement: Placement,
  tenant: { readonly schema_name: string; readonly role_name: string; readonly ordinal: number },
): Promise<Finding[]> {
  const { schema_name: schema, role_name: role } = tenant;
  const gateway = tenantGateway(ctx, tenant);
  const access = { schema, role, gateway };
  const withGateway = async (script: string): Promise<void> => {
    await ensureGateway(placement.provisioning, gateway, gatewayLogin(ctx, gateway).password);
    await placement.provisioning.query(script);
  };
  const facts = await readFacts(placement, access);
  if (!facts.found) {
    return [
      problem(
        "role",
        `Role ${role} is missing`,
        "`--fix` makes it again, with its rights on the schema's tables. It was dropped, or lost in moving the server.",
        simpleFix(`Make role ${role} again, with rights in schema ${schema} alone`, () =>
          withGateway(lostRoleScript(access)),
        ),
      ),
    ];
  }
  const findings: Finding[] = [];
  if (!facts.member) {
    findings.push(
      problem(
        "role",
        `The tenant's gateway ${gateway.login} may not act as role ${role}`,
        `As a superuser: ${membershipStatement(access)};`,
        simpleFix(`Let gateway ${gateway.login} act as role ${role}`, () =>
          withGateway(membershipScript(access)),
        ),
      ),
    );
  }
  if (!facts.usage) {
    const statement = `GRANT USAGE ON SCHEMA ${quoteIdentifier(schema)} TO ${quoteIdentifier(role)}`;
    findings.push(
      problem(
        "role",
        `Role ${role} may not use its own schema ${schema}`,
        `Run: ${statement};`,
        simpleFix(`Grant USAGE on schema ${schema} to role ${role}`, () =>
          placement.provisioning.query(statement),
        ),
      ),
    );
  }
  findings.push(...excess(role, schema, facts));
  return findings.length > 0 ? findings : [ok("role", `Role ${role} has rights in its own schema alone`)];
}

/** Rights beyond the tenant's own rows. Taking them away is left to whoever knows why they were given. */
function excess(role: string, schema: string, facts: RoleFacts): Finding[] {
  const quoted = quoteIdentifier(role);
  const findings = facts.open_schemas.map((each) =>
    problem(
      "role",
      `Role ${role} may use schema ${each}`,
      `Run: REVOKE ALL ON SCHEMA ${quoteIdentifier(each)} FROM ${quoted};`,
    ),
  );
  if (facts.creates) {
    findings.push(
      problem(
        "role",
        `Role ${role} may create objects in schema ${schema}`,
        `Run: REVOKE CREATE ON SCHEMA ${quoteIdentifier(schema)} FROM ${quoted};`,
      ),
    );
  }
  for (const power of facts.powers) {
    findings.push(problem("role", `Role ${role} has ${power}`, `Run: ALTER ROLE ${quoted} NO${power};`));
  }
  for (const group of facts.groups) {
    findings.push(
      problem(
        "role",
        `Role ${role} is a member of ${group}, and has its rights`,
        `Run: REVOKE ${quoteIdentifier(group)} FROM ${quoted};`,
      ),
    );
  }
  return findings;
}

/** Everything in one question. PostgreSQL 16 tells apart who may SET ROLE among the members; before, all of them may. */
async function readFacts(placement: Placement, { schema, role, gateway }: TenantAccess): Promise<RoleFacts> {
  const version = await placement.provisioning.query<{ number: number }>(
    "SELECT current_setting('server_version_num')::int AS number",
  );
  const membership = (version.rows[0]?.number ?? 0) >= 160_000 ? "SET" : "MEMBER";
  const closed = CLOSED_SCHEMAS.map(quoteLiteral).join(", ");
  const { rows } = await placement.provisioning.query<RoleFacts>(`
    SELECT true AS found,
      coalesce((SELECT pg_has_role(login.oid, role.oid, '${membership}') FROM pg_roles AS login
        WHERE login.rolname = ${quoteLiteral(gateway.login)}), false) AS member,
      has_schema_privilege(role.oid, to_regnamespace(${quoteLiteral(quoteIdentifier(schema))}), 'USAGE') AS usage,
      has_schema_privilege(role.oid, to_regnamespace(${quoteLiteral(quoteIdentifier(schema))}), 'CREATE') AS creates,
      array_remove(ARRAY[
        CASE WHEN role.rolsuper THEN 'SUPERUSER' END, CASE WHEN role.rolbypassrls THEN 'BYPASSRLS' END,
        CASE WHEN role.rolcreaterole THEN 'CREATEROLE' END, CASE WHEN role.rolcreatedb THEN 'CREATEDB' END
      ], NULL) AS powers,
      ARRAY(SELECT pg_get_userbyid(roleid)::text FROM pg_auth_members WHERE member = role.oid) AS groups,
      ARRAY(SELECT nspname::text FROM pg_namespace WHERE nspname IN (${closed})
        AND has_schema_privilege(role.oid, pg_namespace.oid, 'USAGE')) AS open_schemas
    FROM pg_roles AS role WHERE role.rolname = ${quoteLiteral(role)}`);
  return (
    rows[0] ?? {
      found: false,
      member: false,
      usage: false,
      creates: false,
      powers: [],
      groups: [],
      open_schemas: [],
    }
  );
}
