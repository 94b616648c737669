import { beforeAll, describe, expect, it } from "vitest";
import { withAdmin } from "../../../../../test/support/database.ts";
import { quoteIdentifier } from "../../identifier.ts";
import { ANNA, type Client, createTestClients, type Execute, type Row } from "./testing/clients.ts";

const { database, newClient, within, run, book } = await createTestClients();

/** All that functions, triggers and views do, with every name qualified, as one has to write it who has no path of use. */
async function exercise(execute: Execute, schema: string): Promise<Row> {
  const own = quoteIdentifier(schema);
  await execute(`insert into ${own}.users (user_id) values (42)`);
  await execute(
    `insert into ${own}.bookings (date, time, user_id, username, created_at) values ('2026-06-01', '10:00', 42, 'x', '2026-05-01 00:00+00'), ('2025-01-01', '10:00', 42, 'x', '2024-12-01 00:00+00')`,
  );
  await execute(
    `insert into ${own}.analytics (user_id, event, timestamp) values (42, 'booking_cancelled', '2026-05-02 00:00+00')`,
  );
  await execute(
    `insert into ${own}.feedback (user_id, rating, timestamp) values (42, 5, '2026-05-03 00:00+00')`,
  );
  await execute(`update ${own}.settings set updated_at = '2020-01-01'`);
  const [overlap] = await execute(`select ${own}.slot_overlaps('2026-06-01', '10:30') as a,
    ${own}.slot_overlaps('2026-06-01', '11:00') as b`);
  const [cleaned] = await execute(`select deleted from ${own}.cleanup_bookings(100, '2026-06-01')`);
  const [user] =
    await execute(`select u.booking_count, u.purged_count, u.username, u.last_activity::text as at,
      s.cancellations, s.feedback_count, b.total_bookings, (select minutes_booked from ${own}.daily_load where date = '2026-06-01') as load,
      (select count(*)::int from ${own}.settings where updated_at > '2021-01-01') as touched
    from ${own}.users as u join ${own}.user_statistics as s on s.user_id operator(pg_catalog.=) u.user_id
    join ${own}.best_clients as b on b.user_id operator(pg_catalog.=) u.user_id where u.user_id = 42`);
  return { ...overlap, ...cleaned, ...user };
}

const EXPECTED = {
  a: true,
  b: false,
  deleted: 1,
  booking_count: 1,
  purged_count: 1,
  username: "x",
  at: expect.stringMatching(/^2026-05-03/),
  cancellations: 1,
  feedback_count: 1,
  total_bookings: 2,
  load: 60,
  touched: 10,
};

/** Tables and functions that would catch whoever looks his names up on the caller's path. */
const DECOYS = `
  create schema decoys; grant usage on schema decoys to public;
  ${["users", "bookings", "analytics", "feedback", "settings"].map((table) => `create table decoys.${table} (user_id bigint, booking_count int, username text, last_activity timestamptz, created_at timestamptz); insert into decoys.${table} values (42, 0); grant all on decoys.${table} to public;`).join("\n")}
  create function decoys.caught() returns void language plpgsql as $$ begin raise exception 'caught'; end $$;
  create function decoys.now() returns timestamptz language sql as 'select decoys.caught(); select null::timestamptz';
  create function decoys.quote_ident(name) returns text language sql as 'select decoys.caught(); select null::text';
  create function decoys.quote_ident(text) returns text language sql as 'select decoys.caught(); select null::text';
  create function decoys.set_config(text, text, boolean) returns text language sql as 'select decoys.caught(); select null::text';
  create function decoys.make_interval(integer) returns interval language sql as 'select decoys.caught(); select null::interval';
  create function decoys.tsrange(timestamp, timestamp) returns tsrange language sql as 'select decoys.caught(); select null::tsrange';
  create function decoys.overlaps(tsrange, tsrange) returns boolean language sql as 'select decoys.caught(); select false';
  create operator decoys.&& (function = decoys.overlaps, leftarg = tsrange, rightarg = tsrange);
  create function decoys.same(bigint, bigint) returns boolean language sql as 'select decoys.caught(); select false';
  create operator decoys.= (function = decoys.same, leftarg = bigint, rightarg = bigint);
`;

describe("functions, triggers and views", () => {
  beforeAll(() => withAdmin(database.url, (owner) => owner.query(DECOYS)));

  const exerciseIn = (client: Client, path: string, before = "select") =>
    within(client, async (execute) => {
      await execute(before);
      await execute(`set local search_path = ${path}`);
      const result = await exercise(execute, client.schema);
      const [row] = await execute("select pg_catalog.current_setting('search_path') as path");
      return { result, path: row?.path };
    });

  it.each([
    ["the tenant's own", (client: Client) => `${client.schema}, pg_temp`],
    ["none", () => "''"],
    ["the system's alone", () => "pg_catalog"],
    ["decoys before everything", () => "decoys, pg_catalog"],
    ["decoys before the tenant's own", (client: Client) => `decoys, pg_catalog, ${client.schema}`],
    ["another tenant's", () => "client_001, pg_temp"],
  ])("do the same with %s on the path, and leave the path alone", async (_, pathOf) => {
    const client = await newClient();
    const path = pathOf(client);
    const seen = await exerciseIn(client, path);
    expect(seen.result).toEqual(EXPECTED);
    expect(seen.path).toBe(path === "''" ? '""' : path);
    const decoys = await withAdmin(database.url, (owner) =>
      owner.query(
        "select * from decoys.users where booking_count <> 0 or username is not null or last_activity is not null",
      ),
    );
    expect(decoys.rows).toEqual([]);
  });

  it("do the same in a schema that was renamed, to a name that has to be quoted too", async () => {
    const client = await newClient();
    const warm = await exerciseIn(client, client.schema);
    expect(warm.result).toEqual(EXPECTED);
    // The same connections go on with the plans that they have.
    for (const schema of [`moved_${client.schema}`, `Студия "№ 1" ${client.schema}`]) {
      await withAdmin(database.url, async (owner) => {
        const [from, to] = [client.schema, schema].map(quoteIdentifier);
        const current = schema.startsWith("moved") ? from : quoteIdentifier(`moved_${client.schema}`);
        await owner.query(`alter schema ${current} rename to ${to}`);
        await owner.query(`truncate ${to}.bookings, ${to}.analytics, ${to}.feedback, ${to}.users`);
      });
      const moved = { ...client, schema };
      expect((await exerciseIn(moved, "''")).result).toEqual(EXPECTED);
      await run(moved, "delete from feedback; delete from bookings; delete from users");
      await withAdmin(database.url, (owner) => owner.query(`truncate ${quoteIdentifier(schema)}.analytics`));
      expect((await exerciseIn(moved, quoteIdentifier(schema))).result).toEqual(EXPECTED);
    }
  });

  it("stay in their schema when another takes its old name", async () => {
    const [old, next] = [await newClient(), await newClient()];
    await exerciseIn(old, old.schema);
    await withAdmin(database.url, (owner) =>
      owner.query(
        `alter schema ${old.schema} rename to set_aside; alter schema ${next.schema} rename to ${old.schema}`,
      ),
    );
    const usurper = { schema: old.schema, role: next.role };
    expect((await exerciseIn(usurper, "''")).result).toEqual(EXPECTED);
    const aside = { schema: "set_aside", role: old.role };
    await book(aside, { time: "10:00" });
    expect(await run(aside, `select booking_count from users where user_id = ${ANNA}`)).toEqual([
      { booking_count: 1 },
    ]);
    expect(await run(usurper, `select booking_count from users where user_id = ${ANNA}`)).toEqual([
      { booking_count: 0 },
    ]);
  });

  it("are not fooled by temporary tables of the same names", async () => {
    const client = await newClient();
    // Tenants may make none, unless somebody gave that right back.
    await withAdmin(database.adminUrl, (admin) => {
      const { pathname } = new URL(database.adminUrl);
      return admin.query(
        `grant temporary on database ${quoteIdentifier(pathname.slice(1))} to ${client.role}`,
      );
    });
    const shadows = ["users", "bookings", "settings"]
      .map(
        (table) =>
          `create temporary table ${table} (user_id bigint, booking_count int, username text, last_activity timestamptz, created_at timestamptz);`,
      )
      .join(" ");
    const before = `${shadows} insert into pg_temp.users values (42, 0)`;
    expect((await exerciseIn(client, "pg_temp", before)).result).toEqual(EXPECTED);
  });

  it("name no schema, raise nobody's rights, and store no path but the empty one", async () => {
    const client = await newClient();
    const functions = await run(
      client,
      `select proname, prosecdef, proconfig, prosrc from pg_proc where pronamespace = '${client.schema}'::regnamespace`,
    );
    expect(functions.map(({ proname }) => proname).sort()).toEqual([
      "cleanup_bookings",
      "count_bookings",
      "hold_moved_booking",
      "note_activity",
      "slot_overlaps",
      "touch_updated_at",
    ]);
    for (const { proname, prosecdef, proconfig, prosrc } of functions) {
      const isTrigger = !["cleanup_bookings", "slot_overlaps"].includes(proname as string);
      expect({ proname, prosecdef, proconfig }).toEqual({
        proname,
        prosecdef: false,
        proconfig: isTrigger ? ['search_path=""'] : null,
      });
      expect(prosrc).not.toContain("client_");
    }
  });

  it("are closed to another tenant's role", async () => {
    const [mine, other] = [await newClient(), await newClient()];
    for (const text of [
      `select * from ${other.schema}.user_statistics`,
      `select ${other.schema}.slot_overlaps('2026-03-02', '10:00')`,
      `select * from ${other.schema}.cleanup_bookings(0)`,
      `insert into ${other.schema}.bookings (date, time, user_id) values ('2026-03-02', '10:00', ${ANNA})`,
    ]) {
      await expect(run(mine, text)).rejects.toMatchObject({ code: "42501" });
    }
  });
});
