import { isTransient } from "@tenantry/schema";
import { TenancyError, type TenantRow, withTenant } from "@tenantry/tenancy";
import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import { ledger } from "./support/ledger-blueprint.ts";
import { hold, untilBlocked } from "./support/locks.ts";
import { openTwoServers } from "./support/two-servers.ts";

const LEDGER = { blueprint: "ledger", adminUsername: undefined, adminPassword: undefined };
const ACCOUNTS = 20;
const WRITERS = 6;

describe("a tenant that is written at speed while it is moved", async () => {
  const servers = await openTwoServers({ blueprints: [ledger()] });
  const { installation, first } = servers;
  const { ctx } = installation;
  const worker = await installation.work();
  const [made] = await servers.atHome(1, LEDGER);
  await worker.close();
  if (made === undefined) throw new Error("no tenant");
  const { key } = made;
  const now = () => servers.tenantNow(key);

  /** Transfers between accounts, each tried until it is saved. */
  function startWriting() {
    const saved = new Map<string, string>();
    const refused: unknown[] = [];
    let going = true;
    let count = 0;
    const transfer = async (): Promise<void> => {
      count += 1;
      const [amount, note] = [count, `transfer ${count}`];
      const [from, to] = [(count % ACCOUNTS) + 1, ((count + 7) % ACCOUNTS) + 1];
      while (going) {
        const tenant = await now();
        try {
          await withTenant(ctx, tenant, async (db) => {
            await sql`insert into entries (account, amount, note) values (${from}, ${amount}, ${note}), (${to}, ${-amount}, ${note})`.execute(
              db,
            );
            for (const id of [from, to].sort((a, b) => a - b)) {
              await sql`update accounts set balance = balance + ${id === from ? amount : -amount} where id = ${id}`.execute(
                db,
              );
            }
          });
          saved.set(note, tenant.placement);
          return;
        } catch (error) {
          refused.push(error);
        }
      }
    };
    const writers = Array.from({ length: WRITERS }, async () => {
      while (going) await transfer();
    });
    return {
      saved,
      refused,
      stop: async () => {
        going = false;
        await Promise.all(writers);
      },
    };
  }

  /** No money was made or lost: each account is what its entries say, and each transfer has both of its sides. */
  async function expectBalanced(tenant: TenantRow): Promise<void> {
    const found = await withTenant(ctx, tenant, (db) =>
      sql`
        select (select sum(balance)::int from accounts) as balance,
          (select count(*)::int from accounts as account
            where balance <> (select coalesce(sum(amount), 0) from entries where account = account.id)) as wrong,
          (select count(*)::int from (select from entries group by note having count(*) <> 2 or sum(amount) <> 0) as half) as half`.execute(
        db,
      ),
    );
    expect(found.rows).toEqual([{ balance: 0, wrong: 0, half: 0 }]);
  }

  it("is read all the time, written until it is copied and from when it is there, and loses nothing", async () => {
    const writing = startWriting();
    await expect.poll(() => writing.saved.size, { timeout: 30_000 }).toBeGreaterThan(200);
    const operationId = await servers.moving(key);
    const release = await hold(first.adminUrl, "LOCK TABLE tenantry.moves IN SHARE MODE");
    const attempt = servers.attempt(operationId);
    await untilBlocked(first.adminUrl, "tenantry-test-control");

    // All is copied, and nothing switched: readers go on, and no writer is told that anything is saved.
    const atCopy = writing.saved.size;
    for (let times = 0; times < 5; times += 1) await expectBalanced(await now());
    expect(writing.saved.size).toBe(atCopy);
    await release();
    expect(await attempt).toMatchObject({ kind: "succeeded" });

    await expect.poll(() => writing.saved.size, { timeout: 30_000 }).toBeGreaterThan(atCopy + 200);
    await writing.stop();
    const tenant = await now();
    expect(tenant.placement).toBe("second");
    await expectBalanced(tenant);
    const { rows } = await withTenant(ctx, tenant, (db) =>
      sql<{ note: string }>`select distinct note from entries`.execute(db),
    );
    expect(new Set(rows.map(({ note }) => note))).toEqual(new Set(writing.saved.keys()));
    expect(new Set(writing.saved.values())).toEqual(new Set(["default", "second"]));
    // Those who waited when the switch came, and deadlocks among the applications themselves.
    expect(writing.refused.filter((error) => !isToBeTriedAgain(error))).toEqual([]);
    // Whoever still knows the tenant as it was is told the same.
    const stale = withTenant(ctx, made.row, (db) => sql`select from entries`.execute(db));
    await expect(stale).rejects.toMatchObject({ code: "UNAVAILABLE", retryable: true });
    // And a table that isn't there isn't there.
    const wrong = withTenant(ctx, tenant, (db) => sql`select from nowhere`.execute(db));
    await expect(wrong).rejects.toMatchObject({ code: "42P01" });
  });
});

const isToBeTriedAgain = (error: unknown): boolean =>
  error instanceof TenancyError ? error.retryable : isTransient(error);
