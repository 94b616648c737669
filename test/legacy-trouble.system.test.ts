import { chmodSync, mkdirSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { booking } from "@tenantry/schema/blueprints/booking";
import { erp } from "@tenantry/schema/blueprints/erp";
import { type LegacyItem, legacyReport } from "@tenantry/tenancy";
import { expect, it } from "vitest";
import { startApi } from "./support/api.ts";
import { createTestDatabase, withAdmin } from "./support/database.ts";
import {
  bookingSource,
  corruptPage,
  type DedSource,
  dedSource,
  holdLocked,
  INT8_MAX,
  INT8_MIN,
  insertRow,
  leaveInJournal,
  leaveInWal,
  plant,
  quoteName,
  rootPage,
  truncateDatabase,
} from "./support/legacy-files.ts";
import { type EndedMigration, endOf, migrated, orderMigration } from "./support/legacy-run.ts";
import { tenantSchemas } from "./support/tenant-check.ts";
import { openTestInstallation } from "./support/tenantry.ts";
import { startWorkerProcess } from "./support/worker-process.ts";

const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url, blueprints: [erp, booking] });
await installation.work();
const api = await startApi(installation);

/** Keys differ from file to file, or a license of one test would be another's. */
let sources = 0;
function nextKey(): string {
  sources += 1;
  return `TRBL-0000-0000-${String(sources).padStart(4, "0")}`;
}

const ROWS = { customers: 30, products: 20, security_logs: 400 };

/** The file's absolute path. */
function fileOf(source: DedSource, place: number): string {
  return source.path(source.licenses[place]?.file ?? "");
}

function itemOf(run: EndedMigration, key: string | undefined): LegacyItem {
  const item = run.items.find((each) => each.licenseKey === key);
  if (item === undefined) throw new Error(`the run has no license ${key}`);
  return item;
}

/** Rows of a tenant's table, as the server's administrator sees them. */
async function rowsOf<T extends object>(key: string | undefined, query: string): Promise<T[]> {
  const tenant = await installation.ctx.control
    .selectFrom("tenants")
    .innerJoin("licenses", "licenses.id", "tenants.license_id")
    .select("schema_name")
    .where("licenses.key", "=", key ?? "")
    .executeTakeFirstOrThrow();
  return withAdmin(database.adminUrl, async (client) => {
    await client.query(`SET search_path = "${tenant.schema_name}"; SET timezone = 'UTC'`);
    return (await client.query<T>(query)).rows;
  });
}

async function countOf(key: string | undefined, table: string): Promise<number> {
  const [row] = await rowsOf<{ n: number }>(key, `SELECT count(*)::int AS n FROM ${table}`);
  return row?.n ?? -1;
}

it("broken files are told apart, and stop nobody else's license", async () => {
  const broken: readonly (readonly [name: string, breakIt: (file: string) => void])[] = [
    ["a page overwritten", (file) => corruptPage(file, rootPage(file, "security_logs"))],
    ["the first page overwritten", (file) => corruptPage(file, 1)],
    ["cut off", (file) => truncateDatabase(file, 20)],
    ["zero bytes", (file) => truncateSync(file, 0)],
    ["no SQLite at all", (file) => writeFileSync(file, "license,key\n1,2\n".repeat(1_000))],
    ["another file's link", (file) => replaceByLink(file)],
    ["a folder", (file) => replaceByFolder(file)],
  ];
  const source = dedSource({
    licenses: [...broken, ["whole"], ["also whole"]].map(() => ({ key: nextKey(), file: { rows: ROWS } })),
  });
  for (const [place, [, breakIt]] of broken.entries()) breakIt(fileOf(source, place));
  const run = await migrated(installation, { system: "ded", path: source.folder });
  expect(run.items).toHaveLength(broken.length + 2);
  const told = broken.map(([name], place) => {
    const item = itemOf(run, source.licenses[place]?.key);
    return [name, item.state, item.error?.code];
  });
  expect(told).toEqual(
    broken.map(([name]) => [
      name,
      "failed",
      name.endsWith("link") || name === "a folder" ? expect.stringMatching(/^SOURCE_/) : "SOURCE_INVALID",
    ]),
  );
  for (const { key } of source.licenses.slice(-2)) {
    expect(itemOf(run, key)).toMatchObject({ state: "succeeded", outcome: "imported", quarantined: 0 });
    expect(await countOf(key, "security_logs")).toBe(ROWS.security_logs);
  }
  const failed = source.licenses.slice(0, broken.length).map(({ key }) => schemaOf(key));
  const there = await tenantSchemas(database.adminUrl);
  expect(there.filter((schema) => failed.includes(schema))).toEqual([]);
  for (const { key } of source.licenses.slice(0, broken.length)) {
    expect(JSON.stringify(itemOf(run, key).error)).not.toContain(source.folder);
  }
});

function schemaOf(key: string): string {
  return `tenant_${key.toLowerCase().replaceAll("-", "_")}`;
}

function replaceByLink(file: string): void {
  const elsewhere = dedSource({ licenses: [{ key: nextKey(), file: { rows: ROWS } }] });
  rmSync(file);
  symlinkSync(fileOf(elsewhere, 0), file);
}

function replaceByFolder(file: string): void {
  rmSync(file);
  mkdirSync(file);
}

it("what stands in a log beside a file counts as its program would count it", async () => {
  const source = dedSource({
    licenses: Array.from({ length: 2 }, () => ({ key: nextKey(), file: { rows: ROWS } })),
  });
  leaveInWal(fileOf(source, 0), (db) => {
    insertRow(db, "customers", { code: "WAL", name: "written and not moved into the file yet" });
    db.exec("DELETE FROM security_logs WHERE id > 390");
  });
  leaveInJournal(fileOf(source, 1), (db) => {
    db.exec("UPDATE customers SET name = 'never committed'; DELETE FROM security_logs WHERE id > 390");
  });
  const run = await migrated(installation, { system: "ded", path: source.folder });
  const [logged, undone] = source.licenses.map(({ key }) => key);
  expect(itemOf(run, logged)).toMatchObject({ state: "succeeded", quarantined: 0 });
  expect(await countOf(logged, "customers WHERE code = 'WAL'")).toBe(1);
  expect(await countOf(logged, "security_logs")).toBe(390);
  expect(itemOf(run, undone)).toMatchObject({ state: "succeeded", quarantined: 0 });
  expect(await countOf(undone, "customers WHERE name = 'never committed'")).toBe(0);
  expect(await countOf(undone, "security_logs")).toBe(ROWS.security_logs);
});

it("a file that its program is writing waits, says so, and is taken in when it isn't any more", async () => {
  const source = dedSource({
    licenses: Array.from({ length: 2 }, () => ({ key: nextKey(), file: { rows: ROWS } })),
  });
  const [busy, other] = source.licenses.map(({ key }) => key);
  const release = holdLocked(fileOf(source, 0));
  const id = await orderMigration(installation, { system: "ded", path: source.folder });
  await untilSaid(id, /writ|busy|lock/i);
  release();
  const run = await endOf(installation, id);
  expect(itemOf(run, busy)).toMatchObject({ state: "succeeded", outcome: "imported" });
  expect(itemOf(run, other)).toMatchObject({ state: "succeeded", outcome: "imported" });
});

/** Waits until a license of the run is to be tried again, and its message says why. */
async function untilSaid(runId: string, what: RegExp): Promise<void> {
  const said: string[] = [];
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await wait(20)) {
    const rows = await installation.ctx.control
      .selectFrom("operations")
      .select("message")
      .where((eb) => eb.or([eb("parent_id", "=", runId), eb("id", "=", runId)]))
      .where("state", "=", "queued")
      .where("attempts", ">", 0)
      .execute();
    if (rows.some(({ message }) => what.test(message ?? ""))) return;
    said.push(...rows.map(({ message }) => message ?? ""));
  }
  throw new Error(`nobody said ${what}, but: ${[...new Set(said)].join("; ")}`);
}

it("a file that changed after it was planned is refused, and planned anew by the next run", async () => {
  const source = dedSource({
    licenses: Array.from({ length: 12 }, () => ({ key: nextKey(), file: { rows: ROWS } })),
  });
  const last = source.licenses.at(-1);
  const id = await orderMigration(installation, { system: "ded", path: source.folder });
  await untilPlanned(id);
  source.edit(last?.file ?? "", (db) => db.exec("DELETE FROM customers WHERE id = 3"));
  const run = await endOf(installation, id);
  expect(itemOf(run, last?.key)).toMatchObject({
    state: "failed",
    error: { code: "SOURCE_INVALID", detail: expect.stringMatching(/changed/) },
  });
  const again = await migrated(installation, { system: "ded", path: source.folder });
  expect(itemOf(again, last?.key)).toMatchObject({ state: "succeeded", outcome: "imported" });
  expect(await countOf(last?.key, "customers")).toBe(ROWS.customers - 1);
});

async function untilPlanned(runId: string): Promise<void> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; ) {
    const found = await installation.ctx.control
      .selectFrom("legacy_items")
      .select("operation_id")
      .where("run_id", "=", runId)
      .where("operation_id", "is not", null)
      .execute();
    if (found.length > 0) return;
    await wait(5);
  }
  throw new Error("the run wasn't planned");
}

// Where root's tests lie where only root may look, nobody else can run their worker.
it.runIf(isOpenToOthers(import.meta.filename))(
  "a file that the worker may not read fails alone, and says so",
  async () => {
    const source = dedSource({
      licenses: Array.from({ length: 2 }, () => ({ key: nextKey(), file: { rows: ROWS } })),
    });
    chmodSync(fileOf(source, 0), 0o000);
    chmodSync(source.folder, 0o755);
    const run = await migratedBySomebodyElse(source.folder);
    const [locked, other] = source.licenses.map(({ key }) => key);
    expect(itemOf(run, locked)).toMatchObject({ state: "failed", error: { code: "SOURCE_INVALID" } });
    expect(itemOf(run, locked).error?.detail).toMatch(/right|permission|may not/i);
    expect(itemOf(run, other)).toMatchObject({ state: "succeeded" });
  },
);

function isOpenToOthers(path: string): boolean {
  if (process.getuid?.() !== 0) return true;
  const about = statSync(path);
  const wanted = about.isDirectory() ? 0o001 : 0o004;
  const parent = dirname(path);
  return (about.mode & wanted) !== 0 && (parent === path || isOpenToOthers(parent));
}

/** Root may read everything, so the one who may not is a worker of another user's, if these tests are root's. */
async function migratedBySomebodyElse(path: string): Promise<EndedMigration> {
  const own = await createTestDatabase();
  const orders = await openTestInstallation({ databaseUrl: own.url });
  const worker = await startWorkerProcess(own.url, null, "", "", { unprivileged: true });
  const run = await migrated(orders, { system: "ded", path });
  await worker.kill();
  return run;
}

it("tables and columns of any name are kept, every value of them", async () => {
  const names = [
    "select",
    "with space",
    'quo"ted',
    "it's",
    "جدول العملاء",
    "semi;colon -- x",
    "Customers2",
    "$1",
  ];
  const key = nextKey();
  const source = dedSource({
    licenses: [
      {
        key,
        file: {
          rows: ROWS,
          change: (db) => {
            for (const name of names) {
              const columns = names.map((column) => `${quoteName(column)} TEXT`).join(", ");
              db.exec(`CREATE TABLE ${quoteName(name)} (${columns})`);
              insertRow(db, name, Object.fromEntries(names.map((column) => [column, `${column}\t\\N`])));
            }
            db.exec(`ALTER TABLE customers ADD COLUMN ${quoteName('a "new" عمود')} TEXT`);
            plant(db, "customers", 3, { 'a "new" عمود': "kept" });
          },
        },
      },
    ],
  });
  const item = itemOf(await migrated(installation, { system: "ded", path: source.folder }), key);
  expect(item).toMatchObject({ state: "succeeded", quarantined: 0 });
  const kept = new Map(item.differences?.unknownTables.map((table) => [table.table, table]));
  expect([...kept.keys()].toSorted()).toEqual(names.toSorted());
  for (const name of names) {
    const rows = await rowsOf<Record<string, string>>(
      key,
      `SELECT * FROM ${quoteName(kept.get(name)?.as ?? "")}`,
    );
    expect(rows).toHaveLength(1);
    expect(Object.values(rows[0] ?? {}).toSorted()).toEqual(
      names.map((column) => `${column}\t\\N`).toSorted(),
    );
  }
  const [added] = item.differences?.unknownColumns ?? [];
  expect(added).toMatchObject({ table: "customers", column: 'a "new" عمود' });
  expect(added?.as).toBe('legacy_customers.a "new" عمود');
  const beside = await rowsOf<Record<string, string>>(key, "SELECT * FROM legacy_customers");
  expect(beside.map((row) => Object.values(row).map(String))).toContainEqual(["3", "kept"]);
});

it("SQL that a file brings along is never run", async () => {
  const keys = [nextKey(), nextKey(), nextKey()];
  const [hostile = "", replaced = "", tampered = ""] = keys;
  const endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS id FROM n";
  const source = dedSource({
    licenses: [
      {
        key: hostile,
        file: {
          rows: ROWS,
          change: (db) =>
            db.exec(`
              CREATE VIEW endless AS ${endless};
              CREATE VIEW round AS SELECT * FROM round_again;
              CREATE VIEW round_again AS SELECT * FROM round;
              CREATE VIEW loads AS SELECT load_extension('/tmp/evil.so') AS x, writefile('/tmp/evil', 'x') AS y;
              CREATE TRIGGER bad AFTER INSERT ON customers BEGIN SELECT load_extension('/tmp/evil.so'); END;
              CREATE TRIGGER worse INSTEAD OF INSERT ON endless BEGIN DELETE FROM customers; END;
              CREATE TABLE made (id INTEGER PRIMARY KEY, doubled INTEGER GENERATED ALWAYS AS (id * 2) STORED);
              INSERT INTO made (id) VALUES (21);
              CREATE VIRTUAL TABLE searched USING fts5(body);
              INSERT INTO searched VALUES ('found');`),
        },
      },
      {
        key: replaced,
        file: {
          rows: ROWS,
          change: (db) => db.exec(`DROP TABLE security_logs; CREATE VIEW security_logs AS ${endless}`),
        },
      },
      {
        key: tampered,
        file: {
          rows: ROWS,
          change: (db) => {
            db.exec(`
              CREATE VIEW harmless AS SELECT 1 AS id;
              PRAGMA writable_schema = ON;
              UPDATE sqlite_master SET type = 'table', name = 'not_a_table', tbl_name = 'not_a_table' WHERE name = 'harmless';`);
          },
        },
      },
    ],
  });
  const run = await migrated(installation, { system: "ded", path: source.folder });
  const item = itemOf(run, hostile);
  expect(item).toMatchObject({ state: "succeeded", quarantined: 0 });
  expect(await countOf(hostile, "customers")).toBe(ROWS.customers);
  expect(item.tables.map(({ source: name }) => name)).toEqual(
    expect.not.arrayContaining(["endless", "round", "loads", "searched"]),
  );
  expect(item.tables.map(({ source: name }) => name)).toContain("made");
  expect(itemOf(run, replaced)).toMatchObject({ state: "succeeded", quarantined: 0 });
  expect(await countOf(replaced, "security_logs")).toBe(0);
  expect(await countOf(replaced, "customers")).toBe(ROWS.customers);
  // Either it is refused, or what it says is a table is left alone.
  const third = itemOf(run, tampered);
  if (third.state !== "succeeded") expect(third.error?.code).toBe("SOURCE_INVALID");
});

it("a table of 200 columns comes in whole", async () => {
  const key = nextKey();
  const columns = Array.from({ length: 200 }, (_, index) => `column_${index}`);
  const source = dedSource({
    licenses: [
      {
        key,
        file: {
          change: (db) => {
            db.exec(`CREATE TABLE wide (${columns.map((name) => `${name} TEXT`).join(", ")})`);
            for (let row = 0; row < 500; row++) {
              insertRow(db, "wide", Object.fromEntries(columns.map((name, at) => [name, `${row} ${at} نص`])));
            }
          },
        },
      },
    ],
  });
  const item = itemOf(await migrated(installation, { system: "ded", path: source.folder }), key);
  expect(item).toMatchObject({ state: "succeeded", quarantined: 0 });
  const [row] = await rowsOf<Record<string, string>>(
    key,
    "SELECT * FROM legacy_wide WHERE column_0 = '499 0 نص'",
  );
  expect(Object.values(row ?? {})).toEqual(columns.map((_, at) => `499 ${at} نص`));
});

it("an id at the end of eight bytes stays exact where it fits, and waits in quarantine where it doesn't", async () => {
  const key = nextKey();
  const erpSource = dedSource({
    licenses: [
      {
        key,
        file: {
          rows: ROWS,
          change: (db) => {
            plant(db, "products", 20, { id: INT8_MAX });
            db.exec("CREATE TABLE big (id INTEGER PRIMARY KEY)");
            insertRow(db, "big", { id: INT8_MAX });
            insertRow(db, "big", { id: INT8_MIN });
          },
        },
      },
    ],
  });
  const run = await migrated(installation, { system: "ded", path: erpSource.folder });
  expect(itemOf(run, key)).toMatchObject({ state: "succeeded", quarantined: 1 });
  expect(run.quarantine).toMatchObject([
    {
      table: "products",
      rowId: String(INT8_MAX),
      column: "id",
      code: "out-of-range",
      value: { integer: String(INT8_MAX) },
    },
  ]);
  expect(await rowsOf(key, "SELECT id FROM legacy_big ORDER BY id")).toEqual([
    { id: String(INT8_MIN) },
    { id: String(INT8_MAX) },
  ]);
  const bot = bookingSource({
    clients: [
      {
        bookings: 3,
        change: (db) => {
          insertRow(db, "users", { user_id: INT8_MAX, first_seen: "2025-01-01T00:00:00+03:00" });
          db.exec(`UPDATE bookings SET user_id = ${INT8_MAX} WHERE id = 2`);
        },
      },
    ],
  });
  const bots = await migrated(installation, { system: "booking", path: bot.folder });
  expect(bots.items).toMatchObject([{ state: "succeeded", quarantined: 0 }]);
  expect(await rowsOf(bots.items[0]?.licenseKey ?? "", "SELECT user_id FROM bookings WHERE id = 2")).toEqual([
    { user_id: String(INT8_MAX) },
  ]);
});

it("a key in the master and in the old list is one license, as the master has it", async () => {
  const key = nextKey();
  const source = dedSource({
    licenses: [{ key, row: { client_name: "As in the master" } }],
    json: {
      [key]: {
        company: "As in the list",
        expiry: "2030-01-01",
        username: "old",
        password: "never-shown-77",
        status: "active",
      },
    },
  });
  const run = await migrated(installation, { system: "ded", path: source.folder });
  expect(run.items).toMatchObject([{ licenseKey: key, clientName: "As in the master", state: "succeeded" }]);
  const { findings } = await legacyReport(installation.ctx, run.id);
  expect(findings).toContainEqual(expect.objectContaining({ code: "duplicate-license" }));
  const stored = await withAdmin(database.adminUrl, (client) =>
    client.query(
      "SELECT string_agg(o::text || coalesce(i::text, ''), '') AS text FROM tenantry.operations o LEFT JOIN tenantry.legacy_items i ON i.run_id = o.id",
    ),
  );
  expect(stored.rows[0].text + installation.logs.lines.join()).not.toContain("never-shown-77");
});

it("a file that two licenses claim goes to neither", async () => {
  const [upper, lower] = ["CASE-0000-0000-AAAA", "case-0000-0000-aaaa"];
  const source = dedSource({
    licenses: [
      { key: upper, file: { name: "tenant_CASE_0000_0000_AAAA.db", rows: ROWS } },
      { key: lower, admin: { username: "other" } },
      { key: nextKey(), file: { rows: ROWS } },
    ],
  });
  const run = await migrated(installation, { system: "ded", path: source.folder });
  const claimants = run.items.filter(({ name }) => name.toUpperCase() === upper);
  expect(claimants.length).toBeGreaterThan(0);
  for (const item of claimants) {
    expect(item.state).toBe("failed");
    expect(item.error?.detail).toMatch(/two|both|another|differ/i);
  }
  expect(run.items.at(-1)).toMatchObject({ state: "succeeded" });
});

it.each([
  ["above it", "../outside"],
  ["absolute", "/etc"],
  ["through a link", "link"],
  ["through a link in the middle", "inside/../link/deep"],
  ["that isn't there", "nothing"],
  ["with a NUL in it", "a\0b"],
])("over HTTP no path leads out of the sources' folder: one %s", async (_, path) => {
  const outside = dedSource({ licenses: [{ key: nextKey(), file: { rows: ROWS } }] });
  mkdirSync(join(installation.legacyDirectory, "inside"), { recursive: true });
  rmSync(join(installation.legacyDirectory, "link"), { force: true });
  symlinkSync(outside.folder, join(installation.legacyDirectory, "link"));
  const answer = await api.call("POST", "/v1/legacy-migrations", {
    body: { system: "ded", path },
    headers: { prefer: "wait=30" },
  });
  const problem = answer.status === 200 ? answer.body.operation.error : answer.body;
  expect(["SOURCE_NOT_FOUND", "VALIDATION_FAILED"]).toContain(problem.code);
  expect(JSON.stringify(answer.body)).not.toContain(outside.folder);
  expect(await countLicenses(outside.licenses[0]?.key)).toBe(0);
});

async function countLicenses(key: string | undefined): Promise<number> {
  const rows = await installation.ctx.control
    .selectFrom("licenses")
    .select("id")
    .where("key", "=", key ?? "")
    .execute();
  return rows.length;
}
