import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { measureAmongOthers } from "./backup/among-others.ts";
import { measureLargeTenant } from "./backup/large-tenant.ts";
import { measureMemoryBySize } from "./backup/memory-by-size.ts";
import { versionOf } from "./backup/peers.ts";
import { FULL, QUICK } from "./backup/plan.ts";
import { reportOf } from "./backup/report.ts";
import { targetsOf } from "./backup/targets.ts";
import type { Benchmark } from "./benchmark.ts";
import { hasDebianServer, startDebianServer } from "./measuring/debian-server.ts";

/** Backup and restore of one tenant: among others, of a large one, and in what memory. See README.md. */
export const backup: Benchmark = {
  name: "backup",
  run: async ({ quick, existing, tell, resources }) => {
    const whole = quick ? QUICK : FULL;
    const others =
      existing === undefined ? whole.others : [...whole.others.filter((n) => n < existing), existing];
    const plan = { ...whole, others };
    const programs = {
      pg_dump: await versionOf("pg_dump"),
      pg_restore: await versionOf("pg_restore"),
      zstd: await versionOf("zstd"),
    };
    const missing = Object.entries(programs).flatMap(([name, version]) => (version === null ? [name] : []));
    if (missing.length > 0 || !(await hasDebianServer())) {
      throw new Error(
        `needs Debian's PostgreSQL 15 and zstd: apt-get install postgresql-15 zstd (missing: ${missing.join(", ")})`,
      );
    }
    const folder = resources.adopt(await mkdtemp(join(tmpdir(), "tenantry-bench-backup-")), (path) =>
      rm(path, { recursive: true, force: true }),
    );
    const server = resources.adopt(await startDebianServer(), (each) => each.stop());
    const large = await measureLargeTenant(server, folder, plan, tell);
    const memory = await measureMemoryBySize(server, folder, plan, tell);
    // Last: thousands of tables make whatever comes after them slower.
    const among = await measureAmongOthers(server, folder, plan, tell);
    const figures = { plan, targets: targetsOf(large, memory, among), among, large, memory };
    const servers = Object.fromEntries(
      Object.entries(programs).map(([name, version]) => [name, version ?? "unknown"]),
    );
    return { servers: { postgresql: server.version, ...servers }, figures, report: reportOf(figures) };
  },
};
