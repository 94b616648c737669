import {
  type CatalogMeasures,
  type CompiledBlueprint,
  locksToMake,
  type ServerMeasures,
} from "@tenantry/schema";
import { numberText, sizeText } from "../size-text.ts";
import { type Finding, ok, problem } from "./finding.ts";

/** Of the connections that a server lets in, in use. */
const CROWDED = 0.8;
/** Tenants that are made or dropped at once by a single worker on a machine of two cores. */
const AT_ONCE = 4;
/** Dead rows beside a living one that a catalog should not have, and as many as nobody minds. */
const DEAD_SHARE = 0.5;
const DEAD_ROWS = 20_000;

/** What a server's figures mean, and what mends it where they are bad. At least one blueprint. */
export function judgeServer(
  placement: string,
  server: ServerMeasures,
  blueprints: readonly CompiledBlueprint[],
): Finding[] {
  return [
    checkCatalog(placement, server),
    ...server.catalogs.filter(needsVacuum).map((catalog) => bloated(placement, catalog)),
    checkConnections(placement, server),
    checkLocks(placement, server, blueprints),
  ];
}

function checkCatalog(placement: string, { relations, catalogs, sharedBuffers }: ServerMeasures): Finding {
  const bytes = catalogs.reduce((sum, catalog) => sum + catalog.bytes, 0);
  const detail = `Placement ${placement}: the catalog has about ${numberText(relations)} relations and ${sizeText(bytes)}; shared_buffers is ${sizeText(sharedBuffers)}`;
  return bytes <= sharedBuffers
    ? ok("catalog", detail)
    : problem(
        "catalog",
        detail,
        `Raise shared_buffers above the catalog's size, so that connections find it in memory: ALTER SYSTEM SET shared_buffers = '${Math.ceil((bytes * 2) / 2 ** 20)}MB', then restart PostgreSQL.`,
      );
}

function needsVacuum({ live, dead }: CatalogMeasures): boolean {
  return dead > DEAD_ROWS && dead > live * DEAD_SHARE;
}

function bloated(placement: string, { name, live, dead }: CatalogMeasures): Finding {
  return problem(
    "catalog",
    `Placement ${placement}: pg_catalog.${name} has ${numberText(dead)} dead rows beside ${numberText(live)}`,
    `As the database's owner: VACUUM (ANALYZE) pg_catalog.${name}. If it comes back, lower autovacuum_vacuum_scale_factor, and end transactions that stay open.`,
  );
}

function checkConnections(placement: string, { connections }: ServerMeasures): Finding {
  const { most, reserved, used } = connections;
  const room = most - reserved;
  const detail = `Placement ${placement}: ${numberText(used)} of ${numberText(room)} connections are in use`;
  return used <= room * CROWDED
    ? ok("connections", detail)
    : problem(
        "connections",
        detail,
        "Raise max_connections, start fewer processes, or lower WORKER_CONCURRENCY (docs/configuration.md has what each opens).",
      );
}

function checkLocks(
  placement: string,
  { locks }: ServerMeasures,
  blueprints: readonly CompiledBlueprint[],
): Finding {
  const needed = Math.max(...blueprints.map(locksToMake));
  const largest = blueprints.find((compiled) => locksToMake(compiled) === needed);
  const atOnce = Math.floor(locks.room / needed);
  const what = `${numberText(atOnce)} tenants of blueprint ${largest?.blueprint.name} can be made at once`;
  const detail = `Placement ${placement}: room for ${numberText(locks.room)} locks (max_locks_per_transaction is ${locks.perTransaction}): ${what}`;
  return atOnce >= AT_ONCE
    ? ok("locks", detail)
    : problem(
        "locks",
        detail,
        `ALTER SYSTEM SET max_locks_per_transaction = ${Math.ceil((locks.perTransaction * needed * AT_ONCE) / locks.room)}, then restart PostgreSQL.`,
      );
}
