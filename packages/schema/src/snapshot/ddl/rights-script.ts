import { ROLE_SETTING } from "../../blueprint/tenant-rights.ts";
import { quoteIdentifier, quoteLiteral } from "../../identifier.ts";
import { compare } from "./arrange.ts";
import type { Catalog } from "./catalog.ts";
import { ROLE_MARK } from "./function-objects.ts";

/** What provisioning gives the tenant's role on every table by default. */
const TENANT_RIGHTS = ["DELETE", "INSERT", "SELECT", "UPDATE"];

/**
 * GRANT and REVOKE for what differs from the rights that new objects have, the tenant's default privilege included. Roles
 * other than the owner's and the tenant's get theirs where they exist.
 */
export function rightsScript(catalog: Catalog): string {
  const tenant = tenantOf(catalog);
  const groups = new Map<string, Map<string, { have: Set<string>; expect: Set<string> }>>();
  const entry = (target: string, column: string | null, grantee: string) => {
    const place = JSON.stringify([target, column]);
    const grantees = groups.get(place) ?? new Map();
    groups.set(place, grantees);
    const found = grantees.get(grantee) ?? { have: new Set<string>(), expect: new Set<string>() };
    grantees.set(grantee, found);
    return found;
  };
  for (const right of catalog.rights) {
    const found = entry(right.target, right.column, right.grantee);
    found[right.expected ? "expect" : "have"].add(right.privilege + (right.grantable ? "*" : ""));
    if (tenant !== null && right.column === null && right.target.startsWith("TABLE ")) {
      for (const privilege of TENANT_RIGHTS) entry(right.target, null, tenant).expect.add(privilege);
    }
  }
  return differences(groups, tenant) + defaultRights(catalog, tenant) + schemaRights(catalog, tenant);
}

/** The catalog without what depends on roles that another server needn't have. */
export function withoutOtherRoles(catalog: Catalog): Catalog {
  const known = new Set(["public", "owner", tenantOf(catalog)]);
  const ours = <T extends { readonly grantee: string }>(rights: readonly T[]): T[] =>
    rights.filter(({ grantee }) => known.has(grantee));
  return {
    ...catalog,
    rights: ours(catalog.rights),
    defaultRights: ours(catalog.defaultRights),
    schemaRights: ours(catalog.schemaRights),
  };
}

function tenantOf({ role }: Catalog): string | null {
  return role === null ? null : `role ${role}`;
}

function differences(
  groups: ReadonlyMap<string, ReadonlyMap<string, { have: Set<string>; expect: Set<string> }>>,
  tenant: string | null,
): string {
  const merged = new Map<
    string,
    { grantee: string; head: string; kind: string; tail: string; names: string[] }
  >();
  for (const [place, grantees] of [...groups].sort(([a], [b]) => compare(a, b))) {
    const [target, column] = JSON.parse(place) as [string, string | null];
    const kind = target.slice(0, target.indexOf(" "));
    for (const [grantee, { have, expect }] of grantees) {
      const change = (verb: string, rights: string[], word: string, tail: string): void => {
        if (rights.length === 0) return;
        const list = rights
          .sort(compare)
          .map((right) => (column === null ? right : `${right} (${quoteIdentifier(column)})`));
        const head = `${verb} ${list.join(", ")} ON ${kind}`;
        const key = JSON.stringify([grantee, head, word, tail]);
        const group = merged.get(key) ?? { grantee, head, kind: word, tail, names: [] };
        group.names.push(target.slice(kind.length + 1));
        merged.set(key, group);
      };
      const plain = (rights: Set<string>): Set<string> =>
        new Set([...rights].map((right) => right.replace("*", "")));
      const [haves, expects] = [plain(have), plain(expect)];
      change(
        "REVOKE",
        [...expects].filter((right) => !haves.has(right)),
        "FROM",
        "",
      );
      change(
        "GRANT",
        [...haves].filter((right) => !expects.has(right) && !have.has(`${right}*`)),
        "TO",
        "",
      );
      if (grantee === "owner") continue;
      change(
        "GRANT",
        [...haves].filter((right) => have.has(`${right}*`)),
        "TO",
        " WITH GRANT OPTION",
      );
    }
  }
  // A REVOKE on a table takes rights on its columns with it.
  const revokesFirst = [...merged.values()]
    .map(({ grantee, head, kind, tail, names }) => ({
      order: kind === "FROM" ? 0 : 1,
      text: addressed(grantee, tenant, `${head} ${names.join(", ")} ${kind}`, tail),
    }))
    .sort((a, b) => a.order - b.order || compare(a.text, b.text));
  return revokesFirst.map(({ text }) => text).join("");
}

function defaultRights({ defaultRights: rows }: Catalog, tenant: string | null): string {
  const lines: string[] = [];
  const standard = new Map<string, Set<string>>();
  if (tenant !== null) standard.set(`TABLES ${tenant}`, new Set(TENANT_RIGHTS));
  for (const { kind, grantee, privilege, grantable, own } of rows) {
    if (!own || grantee === "owner") continue;
    if (!grantable && standard.get(`${kind} ${grantee}`)?.delete(privilege)) continue;
    const tail = grantable ? " WITH GRANT OPTION" : "";
    lines.push(inSchema(grantee, tenant, `GRANT ${privilege} ON ${kind} TO`, tail));
  }
  for (const [, missing] of tenant !== null && rows.length > 0 ? standard : []) {
    for (const privilege of missing)
      lines.push(inSchema(tenant ?? "", tenant, `REVOKE ${privilege} ON TABLES FROM`, ""));
  }
  return lines.sort(compare).join("");
}

/** The tenant's way in comes with the schema; the owner needs none. */
function schemaRights({ schemaRights: rows }: Catalog, tenant: string | null): string {
  return rows
    .filter(({ grantee, privilege }) => grantee !== "owner" && (grantee !== tenant || privilege !== "USAGE"))
    .map(({ grantee, privilege, grantable }) =>
      onSchema(
        grantee,
        tenant,
        `GRANT ${privilege} ON SCHEMA %I TO %s${grantable ? " WITH GRANT OPTION" : ""}`,
      ),
    )
    .sort(compare)
    .join("");
}

function inSchema(grantee: string, tenant: string | null, what: string, tail: string): string {
  return onSchema(grantee, tenant, `ALTER DEFAULT PRIVILEGES IN SCHEMA %I ${what} %s${tail}`);
}

function onSchema(grantee: string, tenant: string | null, what: string): string {
  const [who, condition] = addressee(grantee, tenant);
  const text = quoteLiteral(what);
  return block(condition, `EXECUTE pg_catalog.format(${text}, pg_catalog.current_schema(), ${who});`);
}

function addressed(grantee: string, tenant: string | null, head: string, tail: string): string {
  if (grantee === "public") return `${head} PUBLIC${tail};\n`;
  if (grantee === "owner") return `${head} CURRENT_USER${tail};\n`;
  const [who, condition] = addressee(grantee, tenant);
  return block(
    condition,
    `EXECUTE pg_catalog.concat(${quoteLiteral(`${head} `)}, ${who}, ${quoteLiteral(tail)});`,
  );
}

/** SQL for the grantee's name as it stands in a statement, and for whether there is one. */
function addressee(grantee: string, tenant: string | null): [string, string] {
  if (grantee === "public") return ["'PUBLIC'", "true"];
  const name = grantee.slice("role ".length);
  if (grantee === tenant) return [`pg_catalog.quote_ident(${TENANT_ROLE})`, HAS_TENANT_ROLE];
  return [
    quoteLiteral(quoteIdentifier(name)),
    `EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) ${quoteLiteral(name)})`,
  ];
}

const TENANT_ROLE = `pg_catalog.current_setting('${ROLE_SETTING}', true)`;
// Without a role, as when psql loads it with no Tenantry anywhere, its rights are left out.
const HAS_TENANT_ROLE = `pg_catalog.length(${TENANT_ROLE}) OPERATOR(pg_catalog.>) 0`;

function block(condition: string, work: string): string {
  return `DO ${quoteLiteral(`BEGIN IF ${condition} THEN ${work} END IF; END`).trim()};\n`;
}

/** A comment on the schema, whatever its name. */
export function commentOnSchema(text: string): string {
  const statement = "pg_catalog.format('COMMENT ON SCHEMA %I IS %L', pg_catalog.current_schema(), ";
  return block("true", `EXECUTE ${statement}${quoteLiteral(text).trim()});`);
}

/** A comment on what is made for the tenant's role alone. */
export function commentForTenant(statement: string): string {
  return block(HAS_TENANT_ROLE, `EXECUTE ${quoteLiteral(statement).trim()};`);
}

/** Whether a policy is for the tenant's role. */
export function isForTenant(sql: string | null): boolean {
  return sql?.includes(ROLE_MARK) ?? false;
}

/** A policy as it stands, or as a block where it is for the tenant's role. */
export function policyStatement(sql: string): string {
  if (!isForTenant(sql)) return `${sql};\n`;
  const [head = "", ...rest] = sql.split(ROLE_MARK);
  const role = `pg_catalog.quote_ident(${TENANT_ROLE})`;
  return block(
    HAS_TENANT_ROLE,
    `EXECUTE pg_catalog.concat(${quoteLiteral(head)}, ${role}, ${quoteLiteral(rest.join(ROLE_MARK))});`,
  );
}
