import { setTimeout as wait } from "node:timers/promises";
import { keepBackups, listBackups, noteSchedule, runSchedule } from "@tenantry/tenancy";
import { startWorker } from "@tenantry/worker";
import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import { startPrivateServer } from "./support/private-server.ts";
import { ended } from "./support/requests.ts";
import { openTestInstallation, queueStores } from "./support/tenantry.ts";
import { readyTenants } from "./support/tenants.ts";
import { tiny } from "./support/tiny-blueprint.ts";

const ORDER = { blueprint: "tiny", adminUsername: undefined, adminPassword: undefined };
/** So often that a test can wait for it; the environment takes minutes only. */
const EVERY_TWO_SECONDS = "*/2 * * * * *";
const HOURLY = "0 * * * *";

describe.each(queueStores())("scheduled backups, queue on $name", async ({ redisUrl }) => {
  // Three workers take more connections than are left beside other files' tests.
  const database = await (await startPrivateServer()).createDatabase("scheduled");
  const installation = await openTestInstallation({
    databaseUrl: database.url,
    redisUrl,
    blueprints: [tiny],
    backups: { schedule: EVERY_TWO_SECONDS },
  });
  const { ctx, queues } = installation;
  /** As a process sees it that was started with another BACKUP_SCHEDULE. */
  const scheduled = (schedule: string | null) => ({ ...ctx, backups: { ...ctx.backups, schedule } });
  const begun = () =>
    ctx.control
      .selectFrom("scheduled_runs")
      .innerJoin("operations", "operations.id", "scheduled_runs.operation_id")
      .selectAll("scheduled_runs")
      .select("operations.created_at")
      .orderBy("due_at")
      .execute();

  async function until(condition: () => Promise<boolean>): Promise<void> {
    for (const deadline = Date.now() + 60_000; Date.now() < deadline; await wait(50)) {
      if (await condition()) return;
    }
    throw new Error("it didn't come to that");
  }

  it("begin once for each moment, however many workers there are", async () => {
    const workers = await Promise.all([1, 2, 3].map(() => installation.work({ concurrency: 1 })));
    const [tenant] = await readyTenants(installation, 1, ORDER);
    // On a busy machine some begin before there is anybody to back up.
    const before = (await begun()).length;
    await until(async () => (await begun()).length >= Math.max(4, before + 2));
    const runs = await begun();
    for (const { operation_id } of runs) await ended(installation, operation_id);
    await Promise.all(workers.map((worker) => worker.close()));
    const { rows } = await sql<{ id: string }>`
      select id from tenantry.operations where kind = 'backup' and children is not null`.execute(ctx.control);
    // A busy machine's run may still go on when the next moment comes, which it then covers.
    const known = new Set((await begun()).map(({ operation_id }) => operation_id));
    expect(rows.map(({ id }) => id).sort()).toEqual([...known].sort());
    expect(known.size).toBeGreaterThan(1);
    for (const { due_at, created_at } of runs) {
      expect(due_at.getTime() % 2_000).toBe(0);
      expect(created_at.getTime()).toBeLessThan(due_at.getTime() + 60_000);
    }
    expect((await listBackups(ctx, { licenseKey: tenant?.key ?? "" }, { limit: 10 })).items).not.toEqual([]);
    expect((await listBackups(ctx, { kind: "control" }, { limit: 10 })).items).not.toEqual([]);
  });

  it("are begun once, not many times, for all that was missed while no worker was up", async () => {
    const before = (await begun()).length;
    await wait(5_000);
    const worker = await installation.work({ concurrency: 1 });
    await until(async () => (await begun()).length > before);
    const [first] = (await begun()).slice(before);
    const [last] = (await begun()).slice(before - 1);
    await worker.close();
    // One moment or more lies between the last one that was met and the first one after.
    expect((first?.due_at.getTime() ?? 0) - (last?.due_at.getTime() ?? 0)).toBeGreaterThanOrEqual(4_000);
  });

  it("come to an end when the variable is taken away", async () => {
    const worker = await startWorker({ ...installation, ctx: scheduled(null) }, { concurrency: 1 });
    await until(
      async () => (await queues.maintenance.queue.getJobScheduler("scheduled-backups")) === undefined,
    );
    const before = (await begun()).length;
    await wait(4_000);
    await worker.close();
    expect(await begun()).toHaveLength(before);
    expect(await queues.maintenance.queue.getJobSchedulers()).toMatchObject([
      { name: expect.any(String), every: expect.any(Number) },
      { name: expect.any(String), every: expect.any(Number) },
    ]);
  });

  it("aren't begun again by a clock that jumps, nor for what was due before there was a schedule", async () => {
    const hourly = scheduled(HOURLY);
    await noteSchedule(hourly);
    expect(await runSchedule(hourly)).toBeNull();
    const ago = (time: string) =>
      sql`update tenantry.settings set value = value || jsonb_build_object('since', now() - ${time}::interval) where name = 'backup_schedule'`.execute(
        ctx.control,
      );
    await ago("3 hours");
    // Noted again by each worker that starts: that is no new schedule.
    await noteSchedule(hourly);
    const runs = await Promise.all(Array.from({ length: 5 }, () => runSchedule(hourly)));
    expect(runs.filter((run) => run !== null)).toHaveLength(1);
    const id = runs.find((run) => run !== null)?.answer.operation.id ?? "";
    await sql`update tenantry.operations set state = 'canceled', finished_at = now() where parent_id = ${id}`.execute(
      ctx.control,
    );
    // A clock that was ahead began the next moment's run early: back again, neither that nor this one is begun anew.
    expect(await runSchedule(hourly)).toBeNull();
    // A clock that was set back: the schedule seems to be of the future, and begins now.
    await ago("-3 hours");
    await noteSchedule(hourly);
    expect(await runSchedule(hourly)).toBeNull();
    await ago("1 hour");
    expect(await runSchedule(hourly)).toBeNull();
    await keepBackups(hourly);
  });
});
