import { describe, expect, it } from "vitest";
import { BlueprintError } from "../blueprint/errors.ts";
import type { ColumnPlan, TablePlan } from "./import-plan.ts";
import type { LegacyMapping, LegacySystem, TableMapping } from "./legacy-system.ts";
import { planImport } from "./plan-import.ts";
import type { SourceDescription, SourceTable } from "./source-description.ts";
import { type TableInput, targetOf } from "./testing/target.ts";

const ID = { type: "integer", required: true, identity: true, hasDefault: true };
const NOW = { type: "timestamp with time zone", required: true, hasDefault: true };

interface Case {
  readonly target: Readonly<Record<string, TableInput>>;
  /** Columns by table. */
  readonly source: Readonly<Record<string, readonly string[]>>;
  readonly unique?: Readonly<Record<string, readonly (readonly string[])[]>>;
  readonly tables?: Readonly<Record<string, TableMapping>>;
  readonly more?: Partial<LegacyMapping>;
  readonly timeZone?: string;
  readonly owned?: Readonly<Record<string, readonly string[]>>;
  readonly leftOut?: SourceDescription["leftOut"];
  readonly rows?: number;
}

function plan(input: Case) {
  const mapping: LegacyMapping = { tables: input.tables ?? {}, ignored: [], afterLoad: [], ...input.more };
  const system: LegacySystem = {
    name: "shop",
    timeZone: "Europe/Moscow",
    mapping,
    findLicenses: async () => ({ licenses: [], findings: [] }),
  };
  const tables = Object.entries(input.source).map(
    ([name, columns]): SourceTable => ({
      name,
      columns: columns.map((column) => ({ name: column, type: "" })),
      unique: input.unique?.[name] ?? [],
      rows: input.rows ?? 3,
    }),
  );
  return planImport({
    target: targetOf(input.target),
    source: { sha256: "", bytes: 0, tables, leftOut: input.leftOut ?? [] },
    mapping,
    system,
    timeZone: input.timeZone ?? null,
    owned: input.owned ?? {},
    now: new Date("2026-03-01T10:20:30.500Z"),
  });
}

function table(planned: ReturnType<typeof plan>, target: string): TablePlan {
  const found = planned.plan.tables.find((each) => each.target === target);
  if (found === undefined) throw new Error(`no table becomes ${target}`);
  return found;
}

function column(planned: ReturnType<typeof plan>, target: string, name: string): ColumnPlan {
  const found = table(planned, target).columns.find((each) => each.target === name);
  if (found === undefined) throw new Error(`no column becomes ${target}.${name}`);
  return found;
}

describe("tables and columns", () => {
  it("go into those of the same name, whatever the case of their letters, by the target's type", () => {
    const planned = plan({
      target: {
        products: {
          columns: {
            id: ID,
            name: { type: "character varying(64)", required: true },
            price: "numeric(28,12)",
            stock: "bigint",
            place: "smallint",
            sold: "boolean",
            day: "date",
            hour: "time without time zone",
            at: "timestamp with time zone",
            token: "uuid",
            notes: "text",
            data: "jsonb",
            photo: "bytea",
          },
        },
      },
      source: {
        Products: [
          "ID",
          "NAME",
          "Price",
          "stock",
          "place",
          "sold",
          "day",
          "hour",
          "at",
          "token",
          "notes",
          "data",
          "photo",
        ],
      },
    });
    expect(table(planned, "products").source).toBe("Products");
    expect(table(planned, "products").columns.map(({ source, value }) => [source, value])).toEqual([
      ["ID", { kind: "integer", min: "-2147483648", max: "2147483647" }],
      ["NAME", { kind: "text", max: 64 }],
      ["Price", { kind: "decimal", precision: 28, scale: 12 }],
      ["stock", { kind: "integer", min: "-9223372036854775808", max: "9223372036854775807" }],
      ["place", { kind: "integer", min: "-32768", max: "32767" }],
      ["sold", { kind: "boolean" }],
      ["day", { kind: "date" }],
      ["hour", { kind: "time" }],
      ["at", { kind: "timestamp", zone: "Europe/Moscow" }],
      ["token", { kind: "uuid" }],
      ["notes", { kind: "text", max: null }],
      ["data", { kind: "json", asString: false }],
      ["photo", { kind: "bytes" }],
    ]);
    expect(column(planned, "products", "price").summed).toBe(true);
    expect(column(planned, "products", "stock").summed).toBe(false);
  });

  it("of other names differ beyond ASCII, as SQLite has it", () => {
    const planned = plan({
      target: { straße: { columns: { id: ID, größe: "integer" } } },
      source: { STRAße: ["id", "GRößE"], STRASSE: ["id"] },
    });
    expect(table(planned, "straße").columns.map(({ source }) => source)).toEqual(["id", "GRößE"]);
    expect(planned.unknownTables).toEqual([{ table: "STRASSE", as: "legacy_STRASSE", rows: 3 }]);
  });

  it("of a type that no rule is for stop the plan, unless the mapping has a rule", () => {
    const target = { hosts: { columns: { id: ID, address: "inet" } } };
    const source = { hosts: ["id", "address"] };
    expect(() => plan({ target, source })).toThrow(BlueprintError);
    const rule = { address: { kind: "text" as const, max: 45 } };
    const planned = plan({ target, source, tables: { hosts: { columns: { Address: { rule } } } } });
    expect(column(planned, "hosts", "address").value).toEqual({ kind: "text", max: 45 });
  });

  it("may go elsewhere, into several, through a pattern, or nowhere for a reason", () => {
    const planned = plan({
      target: {
        services: { columns: { id: ID, price: "numeric(12,2)", price_text: "text", state: "text" } },
      },
      source: { offers: ["id", "cost", "status", "color"] },
      tables: {
        offers: {
          target: "services",
          columns: {
            cost: {
              targets: ["price", "price_text"],
              pattern: { price: "^(\\d+) ₽$" },
              strip: { price: " " },
            },
            status: { targets: ["state"], values: { on: "active" } },
            color: { targets: [], reason: "nobody sees it" },
          },
        },
      },
    });
    expect(column(planned, "services", "price")).toMatchObject({
      source: "cost",
      pattern: "^(\\d+) ₽$",
      strip: " ",
    });
    expect(column(planned, "services", "price_text")).not.toHaveProperty("pattern");
    expect(column(planned, "services", "state")).toMatchObject({
      source: "status",
      values: { on: "active" },
    });
    expect(planned.leftOut).toEqual([{ table: "offers", column: "color", reason: "nobody sees it" }]);
    expect(planned.unknownColumns).toEqual([]);
  });

  it("that two of the file would fill get the one of their own name; the other is kept beside", () => {
    const planned = plan({
      target: { services: { columns: { id: ID, price: "numeric(12,2)", price_text: "text" } } },
      source: { services: ["id", "price", "price_text"] },
      tables: { services: { columns: { price: { targets: ["price", "price_text"] } } } },
    });
    expect(column(planned, "services", "price_text").source).toBe("price_text");
    expect(column(planned, "services", "price").source).toBe("price");
    expect(planned.unknownColumns).toEqual([
      { table: "services", column: "price", as: "legacy_services.price" },
    ]);
  });

  it("of one target from two tables are taken from its namesake", () => {
    const planned = plan({
      target: { people: { columns: { id: ID } } },
      source: { users: ["id"], People: ["id"] },
      tables: { users: { target: "people" } },
    });
    expect(planned.plan.tables.map(({ source, target, extra }) => [source, target, extra])).toEqual([
      ["People", "people", false],
      ["users", "legacy_users", true],
    ]);
  });

  it("hold a constant where the mapping says so", () => {
    const planned = plan({
      target: { bookings: { columns: { id: ID, imported: { type: "boolean", required: true } } } },
      source: { bookings: ["id"] },
      tables: { bookings: { constants: { imported: "t" } } },
    });
    expect(column(planned, "bookings", "imported")).toMatchObject({
      source: null,
      whenNull: { kind: "value", text: "true" },
    });
    expect(planned.missingColumns).toEqual([]);
  });
});

describe("times without a zone", () => {
  const target = {
    visits: {
      columns: {
        id: ID,
        at: "timestamp with time zone",
        typed: "timestamp with time zone",
        utc: "timestamp with time zone",
      },
    },
  };
  const source = { visits: ["id", "at", "typed", "utc"] };
  const tables = {
    visits: {
      columns: {
        typed: { zone: { name: "Asia/Riyadh", fixed: false } },
        utc: { zone: { name: "UTC", fixed: true } },
      },
    },
  };
  const zones = (planned: ReturnType<typeof plan>) =>
    ["at", "typed", "utc"].map((name) => {
      const { value } = column(planned, "visits", name);
      return value.kind === "timestamp" ? value.zone : null;
    });

  it("are in the system's zone, or in the column's", () => {
    expect(zones(plan({ target, source, tables }))).toEqual(["Europe/Moscow", "Asia/Riyadh", "UTC"]);
  });

  it("are in the run's zone, but where the column's is a fact", () => {
    const planned = plan({ target, source, tables, timeZone: "Asia/Tokyo" });
    expect(zones(planned)).toEqual(["Asia/Tokyo", "Asia/Tokyo", "UTC"]);
  });
});

describe("NULL", () => {
  const target = {
    accounts: { columns: { id: ID } },
    users: {
      columns: {
        id: ID,
        nickname: { type: "text", constantDefault: "none" },
        name: { type: "text", required: true },
        language: { type: "character varying(5)", required: true, constantDefault: "ar" },
        balance: { type: "numeric(28,12)", required: true, constantDefault: "0" },
        rate: { type: "numeric(6,0)", required: true, constantDefault: "7" },
        active: { type: "boolean", required: true, constantDefault: "t" },
        created_at: NOW,
        token: { type: "uuid", required: true, hasDefault: true },
        account_id: { type: "integer", required: true, constantDefault: "1" },
      },
      references: [["account_id", "accounts"]],
    },
  } satisfies Record<string, TableInput>;
  const source = {
    users: [
      "id",
      "nickname",
      "name",
      "language",
      "balance",
      "rate",
      "active",
      "created_at",
      "token",
      "account_id",
    ],
  };
  const planned = plan({ target, source });

  it.each([
    ["stays where it may be, though there is a default", "nickname", { kind: "null" }],
    ["goes to quarantine where nothing stands for it", "name", { kind: "quarantine" }],
    ["becomes the default, in the form of its type: text", "language", { kind: "value", text: "ar" }],
    ["becomes the default, to its scale", "balance", { kind: "value", text: "0.000000000000" }],
    ["becomes the default, without a scale", "rate", { kind: "value", text: "7" }],
    ["becomes the default, true", "active", { kind: "value", text: "true" }],
    ["becomes the present in a time", "created_at", { kind: "value", text: "2026-03-01 10:20:30.5+00" }],
    ["goes to quarantine where the default is worked out", "token", { kind: "quarantine" }],
    ["goes to quarantine in a reference, whatever its default", "account_id", { kind: "quarantine" }],
    ["goes to quarantine in a key", "id", { kind: "quarantine" }],
  ])("%s", (_, name, whenNull) => {
    expect(column(planned, "users", name).whenNull).toEqual(whenNull);
  });

  it("goes to quarantine where the mapping requires a value", () => {
    const strict = plan({
      target,
      source,
      tables: { users: { columns: { created_at: { required: true } } } },
    });
    expect(column(strict, "users", "created_at").whenNull).toEqual({ kind: "quarantine" });
  });
});

describe("what the file lacks", () => {
  const target = {
    services: { columns: { id: ID, name: "text" }, seeded: ["1"] },
    bookings: {
      columns: {
        id: ID,
        day: { type: "date", required: true },
        version: { type: "integer", required: true, constantDefault: "1" },
        service_id: { type: "integer", required: true, constantDefault: "1" },
      },
      references: [["service_id", "services"]],
    },
  } satisfies Record<string, TableInput>;

  it("gets its defaults, and is listed", () => {
    const planned = plan({ target, source: { bookings: ["id", "day"] } });
    expect(planned.missingTables).toEqual(["services"]);
    expect(planned.missingColumns).toEqual([
      { table: "bookings", column: "version" },
      { table: "bookings", column: "service_id" },
    ]);
    expect(table(planned, "bookings").columns.map((each) => each.target)).toEqual(["id", "day"]);
  });

  it("is given when rows would refer by it, to a table that may not have the row", () => {
    const planned = plan({ target, source: { bookings: ["id", "day"], services: ["id"] } });
    expect(column(planned, "bookings", "service_id")).toMatchObject({
      source: null,
      whenNull: { kind: "value", text: "1" },
    });
    expect(table(planned, "bookings").references).toEqual([{ column: "service_id", table: 0, seeded: [] }]);
  });

  it("puts every row into quarantine when there has to be a value", () => {
    const planned = plan({ target, source: { bookings: ["id"] } });
    expect(column(planned, "bookings", "day")).toMatchObject({
      source: null,
      whenNull: { kind: "quarantine" },
    });
  });
});

describe("what the blueprint doesn't know", () => {
  const target = { users: { columns: { id: ID, name: "text" } }, logs: { columns: { id: ID, at: "date" } } };

  it("is kept as text: tables whole, columns beside their table with its key", () => {
    const planned = plan({
      target,
      source: { "old notes": ["n", "text"], users: ["id", "nick name", "name", "age"] },
    });
    expect(planned.plan.tables.map((each) => each.target)).toEqual([
      "users",
      "legacy_users",
      "legacy_old notes",
    ]);
    const beside = table(planned, "legacy_users");
    expect(beside).toMatchObject({
      source: "users",
      extra: true,
      key: null,
      unique: [],
      references: [],
    });
    expect(beside.columns.map((each) => [each.source, each.target, each.value.kind])).toEqual([
      ["id", "id", "anything"],
      ["nick name", "nick name", "anything"],
      ["age", "age", "anything"],
    ]);
    expect(planned.unknownColumns).toEqual([
      { table: "users", column: "nick name", as: "legacy_users.nick name" },
      { table: "users", column: "age", as: "legacy_users.age" },
    ]);
    expect(planned.unknownTables).toEqual([{ table: "old notes", as: "legacy_old notes", rows: 3 }]);
  });

  it("is kept with all columns of its table where the file has no key to it", () => {
    const planned = plan({ target, source: { logs: ["at", "who"] } });
    expect(table(planned, "legacy_logs").columns.map((each) => each.target)).toEqual(["at", "who"]);
    expect(planned.unknownColumns).toEqual([{ table: "logs", column: "who", as: "legacy_logs.who" }]);
  });

  it("has names that PostgreSQL takes whole, none of them twice", () => {
    const long = "جدول".repeat(20);
    const planned = plan({
      target: { ...target, legacy_users: { columns: { id: ID } } },
      source: {
        users: ["id", "ctid", "XMIN", "xmin_2", "", `${long}1`, `${long}2`],
        [long]: ["a"],
        [`${long}!`]: ["a"],
      },
      more: { kept: ["master"] },
    });
    const names = planned.plan.tables.map((each) => each.target);
    expect(names.slice(0, 2)).toEqual(["users", "legacy_users_2"]);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
    const columns = table(planned, "legacy_users_2").columns.map((each) => each.target);
    expect(columns.slice(0, 5)).toEqual(["id", "ctid_2", "XMIN", "xmin_2", "unnamed"]);
    expect(new Set(columns).size).toBe(7);
    for (const name of columns) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
  });

  it("leaves the names of other files' tables to them", () => {
    const planned = plan({ target, source: { master: ["a"] }, more: { kept: ["master"] } });
    expect(planned.unknownTables).toEqual([{ table: "master", as: "legacy_master_2", rows: 3 }]);
  });

  it("is what PostgreSQL works out itself, and what the mapping wants beside", () => {
    const planned = plan({
      target: {
        moves: { columns: { id: ID, total: { type: "integer", generated: true }, count: "integer" } },
      },
      source: { moves: ["id", "total", "count"] },
      tables: { moves: { columns: { count: { aside: true } } } },
    });
    expect(table(planned, "moves").columns.map((each) => each.target)).toEqual(["id"]);
    expect(table(planned, "legacy_moves").columns.map((each) => each.target)).toEqual([
      "id",
      "total",
      "count",
    ]);
  });

  it("is a table of the blueprint's, too, of which it has no column", () => {
    const planned = plan({ target, source: { users: ["x", "y"] } });
    expect(planned.plan.tables).toMatchObject([{ source: "users", target: "legacy_users", extra: true }]);
    expect(planned.missingTables).toEqual(["users", "logs"]);
  });

  it("is made though it is empty, but for a table that the mapping knows to be of no use then", () => {
    const planned = plan({
      target,
      source: { license: ["id"], odd: ["id"] },
      tables: { license: { target: null } },
      rows: 0,
    });
    expect(planned.unknownTables).toEqual([{ table: "odd", as: "legacy_odd", rows: 0 }]);
    expect(planned.leftOut).toEqual([{ table: "license", column: null, reason: "it holds nothing" }]);
  });

  it("is Tenantry's own bookkeeping, which no file fills", () => {
    const planned = plan({
      target: {
        tenantry_limits: { columns: { name: "text" } },
        kysely_migration: { columns: { name: "text" } },
      },
      source: { tenantry_limits: ["name"], kysely_migration: ["name"] },
    });
    expect(planned.unknownTables.map(({ as }) => as)).toEqual([
      "legacy_tenantry_limits",
      "legacy_kysely_migration",
    ]);
    expect(planned.missingTables).toEqual([]);
  });

  it("is never code, nor SQLite's own, and both are told", () => {
    const planned = plan({
      target,
      source: { sqlite_stat1: ["tbl"], cache: ["x"] },
      more: { ignored: ["Cache"] },
      leftOut: [
        { name: "v", kind: "view" },
        { name: "t", kind: "trigger" },
        { name: "f", kind: "virtual" },
      ],
    });
    expect(planned.plan.tables).toEqual([]);
    expect(planned.leftOut.map(({ table: name, column: none }) => [name, none])).toEqual([
      ["v", null],
      ["t", null],
      ["f", null],
      ["sqlite_stat1", null],
      ["cache", null],
    ]);
  });
});

describe("secrets", () => {
  it("are copied where the mapping says so, and shown nowhere", () => {
    const planned = plan({
      target: { users: { columns: { id: ID, hash: "text" } } },
      source: { users: ["id", "Hash", "pin", "age"], keys: ["id", "value"], vault: ["code"] },
      tables: {
        users: { hidden: ["hash"], secrets: ["PIN"] },
        keys: { target: null, secrets: ["value"] },
        vault: { secrets: ["code"] },
      },
    });
    expect(table(planned, "users").columns.map((each) => each.source)).toEqual(["id", "Hash"]);
    expect([...table(planned, "users").secrets].sort()).toEqual(["Hash", "pin"]);
    expect(table(planned, "legacy_users").columns.map((each) => each.source)).toEqual(["id", "age"]);
    expect([...table(planned, "legacy_users").secrets].sort()).toEqual(["Hash", "pin"]);
    expect(table(planned, "legacy_keys").columns.map((each) => each.source)).toEqual(["id"]);
    expect(planned.plan.tables).toHaveLength(3);
    expect(planned.leftOut).toEqual([
      { table: "users", column: "pin", reason: "it holds secrets" },
      { table: "keys", column: "value", reason: "it holds secrets" },
      { table: "vault", column: "code", reason: "it holds secrets" },
    ]);
  });
});

describe("rows of several licenses in one table", () => {
  const tables = { licenses: { target: null, ownerColumn: "KEY" } };

  it("are this license's by the values that it is known by", () => {
    const planned = plan({
      target: {},
      source: { Licenses: ["id", "key"] },
      tables,
      owned: { licenses: ["A", "a"] },
    });
    expect(table(planned, "legacy_Licenses").owner).toEqual({ column: "key", values: ["A", "a"] });
  });

  it("are nobody's when it is known by none, and everybody's when nothing is said", () => {
    const source = { licenses: ["id", "key"] };
    const none = plan({ target: {}, source, tables, owned: { licenses: [] } });
    expect(table(none, "legacy_licenses").owner).toEqual({ column: "key", values: [] });
    expect(table(plan({ target: {}, source, tables }), "legacy_licenses").owner).toBeNull();
  });
});

describe("the order of the tables", () => {
  const order = (target: Record<string, TableInput>): string[] =>
    plan({
      target,
      source: Object.fromEntries(
        Object.entries(target).map(([name, { columns }]) => [name, Object.keys(columns)]),
      ),
    }).plan.tables.map((each) => each.target);

  it("puts what is referred to first, and else leaves it", () => {
    expect(
      order({
        items: {
          columns: { id: ID, invoice_id: "integer", product_id: "integer" },
          references: [
            ["invoice_id", "invoices"],
            ["product_id", "products"],
          ],
        },
        invoices: { columns: { id: ID, customer_id: "integer" }, references: [["customer_id", "customers"]] },
        units: { columns: { id: ID } },
        products: { columns: { id: ID, parent_id: "integer" }, references: [["parent_id", "products"]] },
        customers: { columns: { id: ID } },
      }),
    ).toEqual(["units", "products", "customers", "invoices", "items"]);
  });

  it("opens a circle where a reference may be checked later, not at a table that only hangs on it", () => {
    expect(
      order({
        stores: { columns: { id: ID, branch_id: "integer" }, references: [["branch_id", "branches"]] },
        users: { columns: { id: ID, branch_id: "integer" }, references: [["branch_id", "branches"]] },
        branches: {
          columns: { id: ID, manager_id: "integer" },
          references: [["manager_id", "users"]],
          deferrable: ["manager_id"],
        },
      }),
    ).toEqual(["branches", "stores", "users"]);
  });

  it("never puts a table that hangs on a circle before it, though its reference may wait", () => {
    expect(
      order({
        notes: { columns: { id: ID, a_id: "integer" }, references: [["a_id", "a"]], deferrable: ["a_id"] },
        a: { columns: { id: ID, b_id: "integer" }, references: [["b_id", "b"]] },
        b: { columns: { id: ID, a_id: "integer" }, references: [["a_id", "a"]] },
      }),
    ).toEqual(["a", "notes", "b"]);
  });

  it("is the same whatever the order of the file", () => {
    const target = {
      a: { columns: { id: ID, b_id: "integer" }, references: [["b_id", "b"]] },
      b: { columns: { id: ID, a_id: "integer" }, references: [["a_id", "a"]] },
      c: { columns: { id: ID } },
    } satisfies Record<string, TableInput>;
    const source = { c: ["id"], b: ["id", "a_id"], a: ["id", "b_id"] };
    expect(plan({ target, source }).plan.tables.map((each) => each.target)).toEqual(["c", "a", "b"]);
    expect(order(target)).toEqual(["c", "a", "b"]);
  });
});

describe("references", () => {
  const target = {
    invoices: { columns: { id: ID } },
    payments: { columns: { id: ID }, seeded: ["1", "2"] },
    moves: {
      columns: {
        id: ID,
        kind: "text",
        ref: "integer",
        product_id: "integer",
        invoice_id: { type: "integer", generated: true },
      },
      references: [["invoice_id", "invoices"]],
    },
  } satisfies Record<string, TableInput>;
  const when = { column: "kind", in: ["sale", "return"] };
  const tables: Record<string, TableMapping> = {
    moves: {
      references: [
        { column: "ref", table: "invoices", when },
        { column: "ref", table: "payments", when: { column: "kind", in: ["paid"] } },
      ],
      equal: [
        { column: "ref", to: "product_id", when: { column: "kind", in: ["stock"] } },
        { column: "ref", to: "gone", when: { column: "kind", in: ["stock"] } },
      ],
    },
  };

  it("that hang on another column are in the plan under that condition", () => {
    const planned = plan({
      target,
      tables,
      source: { moves: ["id", "kind", "ref", "product_id"], invoices: ["id"] },
    });
    expect(table(planned, "moves").references).toEqual([
      { column: "ref", table: 0, seeded: [], when },
      { column: "ref", table: null, seeded: ["1", "2"], when: { column: "kind", in: ["paid"] } },
    ]);
    expect(table(planned, "moves").equal).toEqual([tables.moves?.equal?.[0]]);
    expect(planned.plan.tables[0]).toMatchObject({ target: "invoices", key: "id" });
  });

  it("to a table whose keys the file doesn't have point at nothing", () => {
    const planned = plan({
      target: {
        users: { columns: { id: ID, name: "text" } },
        notes: { columns: { id: ID, user_id: "integer" }, references: [["user_id", "users"]] },
      },
      source: { users: ["name"], notes: ["id", "user_id"] },
    });
    expect(table(planned, "notes").references).toEqual([{ column: "user_id", table: null, seeded: [] }]);
    expect(table(planned, "users").key).toBeNull();
  });

  it("are kept in mind by a key only where there are any", () => {
    const planned = plan({ target, tables, source: { moves: ["id"], invoices: ["id"] } });
    expect(planned.plan.tables.map((each) => each.key)).toEqual([null, null]);
  });
});

describe("unique values", () => {
  const target = {
    slots: {
      columns: { id: ID, day: "date", hour: "time without time zone", user_id: "bigint", code: "text" },
      unique: [["day", "hour"], ["user_id", "hour", "day"], ["code"]],
    },
  };

  it("are held where the file holds them, or fewer of their columns", () => {
    const planned = plan({
      target,
      source: { slots: ["id", "Day", "hour", "user_id", "code"] },
      unique: { slots: [["ID"], ["hour", "day"]] },
    });
    expect(table(planned, "slots").unique).toEqual([
      { columns: ["id"], held: true },
      { columns: ["day", "hour"], held: true },
      { columns: ["user_id", "hour", "day"], held: true },
      { columns: ["code"], held: false },
    ]);
  });

  it("are no matter where a column of theirs is made anew", () => {
    const planned = plan({ target, source: { slots: ["day", "code"] } });
    expect(table(planned, "slots").unique).toEqual([{ columns: ["code"], held: false }]);
  });
});

it("checks of single columns go along", () => {
  const planned = plan({
    target: {
      feedback: {
        columns: {
          id: ID,
          rating: { type: "smallint", required: true, least: "1", most: "5" },
          state: { type: "text", oneOf: ["new", "read"] },
        },
      },
    },
    source: { feedback: ["id", "rating", "state"] },
  });
  expect(column(planned, "feedback", "rating")).toMatchObject({ least: "1", most: "5" });
  expect(column(planned, "feedback", "state")).toMatchObject({ oneOf: ["new", "read"] });
  expect(column(planned, "feedback", "id")).not.toHaveProperty("least");
});
