import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { booking } from "@tenantry/schema/blueprints/booking";
import { erp } from "@tenantry/schema/blueprints/erp";
import { beforeAll, describe, expect, it } from "vitest";
import { startApi } from "./support/api.ts";
import { createTestDatabase } from "./support/database.ts";
import { writeDedSource } from "./support/legacy/ded-source.ts";
import { DED_PASSWORD, legacyFolder, plant } from "./support/legacy-files.ts";
import { createLicenseBody } from "./support/requests.ts";
import { openTestInstallation } from "./support/tenantry.ts";

const RUNS = "/v1/legacy-migrations";
const database = await createTestDatabase();
const legacyDirectory = legacyFolder();
const elsewhere = legacyFolder();
const installation = await openTestInstallation({
  databaseUrl: database.url,
  blueprints: [erp, booking],
  legacyDirectory,
});
const api = await startApi(installation);

/** Two licenses, one with data: a row of it that can't be imported, one that refers to that, and a name for a page to mind. */
function writeSource(name: string, keys: readonly [string, string]): void {
  const folder = join(legacyDirectory, name);
  mkdirSync(folder);
  writeDedSource(folder, {
    licenses: [
      {
        key: keys[0],
        row: { client_name: '<b onclick="x()">متجر</b>' },
        file: {
          rows: { categories: 2, products: 3, stocks: 3, warehouses: 1 },
          change: (db) => {
            plant(db, "products", 2, { min_price: "ten" });
            plant(db, "products", 3, { cost_price: 0.1 + 0.2 });
          },
        },
      },
      { key: keys[1] },
    ],
  });
}

const KEYS = ["HTTP-0000-0000-0001", "HTTP-0000-0000-0002"] as const;
writeSource("old", KEYS);

async function migrate(body: object, headers: Record<string, string> = {}) {
  return api.call("POST", RUNS, { body, headers: { prefer: "wait=60", ...headers } });
}

describe("a request to move licenses in", () => {
  it.each([
    ["nothing", {}, ["/path", "/system"]],
    ["a system that nobody knows", { system: "dad", path: "old" }, ["/system"]],
    ["an empty path", { system: "ded", path: "" }, ["/path"]],
    ["NUL in the path", { system: "ded", path: "old\u0000" }, ["/path"]],
    ["a path of numbers", { system: "ded", path: 7 }, ["/path"]],
    ["no licenses of the source", { system: "ded", path: "old", licenseKeys: [] }, ["/licenseKeys"]],
    [
      "another way with what exists",
      { system: "ded", path: "old", onExisting: "overwrite" },
      ["/onExisting"],
    ],
    ["a zone that there isn't", { system: "ded", path: "old", timeZone: "Mars/Base" }, ["/timeZone"]],
    ["an operator's root", { system: "ded", path: "old", root: "operator" }, ["/root"]],
  ])("is refused for %s, with a pointer to it", async (_, body, pointers) => {
    const answer = await api.call("POST", RUNS, { body });
    expect(answer.status).toBe(400);
    expect(answer.body.code).toBe("VALIDATION_FAILED");
    expect(answer.body.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual(pointers);
  });

  it("is refused for a source that isn't there or lies outside of LEGACY_DIR, whatever way it goes", async () => {
    mkdirSync(join(elsewhere, "secret"));
    symlinkSync(join(elsewhere, "secret"), join(legacyDirectory, "link"));
    symlinkSync("nowhere", join(legacyDirectory, "dangling"));
    symlinkSync(legacyDirectory, join(elsewhere, "back"));
    const paths = [
      "missing",
      "../old",
      "old/../../etc",
      "old/..",
      "/etc",
      elsewhere,
      join(legacyDirectory, "old"),
      "link",
      "link/back/old",
      "dangling",
      "old\\..\\..",
      "%2e%2e/old",
      "old/licenses_master.db/x",
      `${"a/".repeat(400)}b`,
    ];
    for (const path of paths) {
      const answer = await api.call("POST", RUNS, { body: { system: "ded", path } });
      expect([path, answer.status, answer.body.code]).toEqual([path, 422, "SOURCE_NOT_FOUND"]);
      expect(answer.text, "where a link leads is nobody's business").not.toContain("secret");
    }
    const operations = await api.call("GET", "/v1/operations?kind=migrate-legacy");
    expect(operations.body.items, "nothing was accepted").toEqual([]);
  });

  it("is refused for a file where a folder should be", async () => {
    writeFileSync(join(legacyDirectory, "file.db"), "");
    const answer = await api.call("POST", RUNS, { body: { system: "ded", path: "file.db" } });
    expect(answer.status).toBe(422);
    expect(["SOURCE_NOT_FOUND", "SOURCE_INVALID"]).toContain(answer.body.code);
  });

  it("is one run for many equal requests, and another body under the same key is refused", async () => {
    const headers = { "idempotency-key": "dry-1" };
    const body = { system: "ded", path: "old", dryRun: true };
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => api.call("POST", RUNS, { body, headers })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(new Set(answers.map(({ text }) => text))).toHaveLength(1);
    expect(answers.filter((answer) => answer.headers.has("idempotency-replayed"))).toHaveLength(9);
    const other = await api.call("POST", RUNS, { body: { ...body, dryRun: false }, headers });
    expect(other).toMatchObject({ status: 422, body: { code: "IDEMPOTENCY_KEY_REUSED" } });
  });
});

describe("a legacy migration over HTTP", () => {
  let run = "";

  beforeAll(async () => {
    await installation.work();
  });

  const at = (path: string): string => `${RUNS}/${run}${path}`;
  const quarantine = async (query = "") => (await api.call("GET", at(`/quarantine${query}`))).body.items;

  it("is planned by a dry run, which makes nothing", async () => {
    const answer = await migrate({ system: "ded", path: "old", dryRun: true });
    expect(answer.status).toBe(200);
    const { id } = answer.body.operation;
    expect(answer.headers.get("location")).toBe(`/v1/operations/${id}`);
    const { figures } = (await api.call("GET", `${RUNS}/${id}`)).body;
    expect(figures).toMatchObject({
      licenses: { total: 2, planned: 2 },
      foresight: { import: 1, create: 1, skip: 0, refuse: 0 },
    });
    const { items } = (await api.call("GET", `${RUNS}/${id}/items?state=planned`)).body;
    expect(items.map(({ licenseKey }: { licenseKey: string }) => licenseKey)).toEqual(KEYS);
    expect(items[0].tables).toContainEqual(
      expect.objectContaining({ source: "products", target: "products", rows: 3, read: null }),
    );
    expect((await api.call("GET", `/v1/licenses/${KEYS[0]}`)).status).toBe(404);
  });

  it("moves each license, and says what became of it", async () => {
    const answer = await migrate({ system: "ded", path: "old" }, { "idempotency-key": "move-1" });
    expect(answer.status, answer.text).toBe(200);
    run = answer.body.operation.id;
    expect(answer.body.operation).toMatchObject({
      kind: "migrate-legacy",
      state: "succeeded",
      children: { total: 2, succeeded: 2, failed: 0 },
    });
    const { operation, figures } = (await api.call("GET", at(""))).body;
    expect(operation.id).toBe(run);
    expect(figures).toMatchObject({
      licenses: { total: 2, succeeded: 2 },
      outcomes: { imported: 1, created: 1, skipped: 0 },
      rows: { quarantined: 2 },
    });
    const { items } = (await api.call("GET", at("/items"))).body;
    expect(items).toMatchObject([
      { licenseKey: KEYS[0], state: "succeeded", outcome: "imported", quarantined: 2 },
      { licenseKey: KEYS[1], state: "succeeded", outcome: "created", quarantined: 0 },
    ]);
    expect(items[0].tables).toContainEqual(
      expect.objectContaining({ source: "products", rows: 3, read: 3, copied: 2, quarantined: 1 }),
    );
    const again = await migrate({ system: "ded", path: "old" }, { "idempotency-key": "move-1" });
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    expect(again.body.operation.id).toBe(run);
  });

  it.each(KEYS)("lets the administrator of %s sign in with the old password", async (licenseKey) => {
    const answer = await api.call("POST", "/v1/sessions", {
      token: null,
      body: { licenseKey, username: "owner", password: DED_PASSWORD },
    });
    expect(answer.status, answer.text).toBe(201);
  });

  it("shows each row that wasn't imported as it was, and why", async () => {
    const rows = await quarantine();
    expect(rows).toMatchObject([
      {
        licenseKey: KEYS[0],
        table: "products",
        target: "products",
        rowId: "2",
        column: "min_price",
        code: "not-readable",
        value: "ten",
        state: "open",
      },
      { table: "stocks", rowId: "2", column: "product_id", code: "depends", value: 2, state: "open" },
    ]);
    expect(rows[0].row).toMatchObject({ id: 2, min_price: "ten" });
    expect(await quarantine("?table=stocks")).toHaveLength(1);
    expect(await quarantine(`?licenseKey=${KEYS[1]}`)).toEqual([]);
    expect(await quarantine("?state=imported")).toEqual([]);
    const page = (await api.call("GET", at("/quarantine?limit=1"))).body;
    expect(await quarantine(`?limit=1&cursor=${page.nextCursor}`)).toEqual([rows[1]]);
  });

  it("tells bad requests for rows in quarantine their faults", async () => {
    const path = at("/quarantine/retry");
    const rows = [{ id: "1", row: { min_price: true } }];
    const answer = await api.call("POST", path, {
      body: { rows, table: "products", all: 1 },
      headers: { "idempotency-key": "\u00e9" },
    });
    expect(answer.status).toBe(400);
    const pointers = answer.body.errors.map(({ pointer }: { pointer: string }) => pointer).sort();
    expect(pointers).toEqual(["/all", "/headers/idempotency-key", "/rows", "/rows/0/row/min_price"]);
  });

  it("imports a corrected row, and then what depended on it, each once", async () => {
    const [product] = await quarantine("?table=products");
    const wrong = { rows: [{ id: product.id, row: { ...product.row, min_price: "eleven" } }] };
    const refused = await api.call("POST", at("/quarantine/retry"), { body: wrong });
    expect(refused.status, refused.text).toBe(200);
    expect(refused.body).toMatchObject({
      imported: 0,
      refused: [{ id: product.id, column: "min_price", code: "not-readable" }],
    });

    const body = { rows: [{ id: product.id, row: { ...product.row, min_price: 10 } }] };
    const headers = { "idempotency-key": "mend-1" };
    const mended = await Promise.all(
      Array.from({ length: 3 }, () => api.call("POST", at("/quarantine/retry"), { body, headers })),
    );
    for (const answer of mended) expect(answer.body, answer.text).toEqual({ imported: 1, refused: [] });
    expect(mended.filter((answer) => answer.headers.has("idempotency-replayed"))).toHaveLength(2);
    const other = await api.call("POST", at("/quarantine/retry"), { body: {}, headers });
    expect(other).toMatchObject({ status: 422, body: { code: "IDEMPOTENCY_KEY_REUSED" } });

    const rest = await api.call("POST", at("/quarantine/retry"), { body: { licenseKey: KEYS[0] } });
    expect(rest.body).toEqual({ imported: 1, refused: [] });
    expect(await quarantine("?state=open")).toEqual([]);
    const nothing = await api.call("POST", at("/quarantine/retry"), { body: {} });
    expect(nothing.body).toEqual({ imported: 0, refused: [] });
    expect((await quarantine()).map(({ changedBy }: { changedBy: string }) => changedBy)).toEqual([
      expect.stringMatching(/^api-key:/),
      expect.stringMatching(/^api-key:/),
    ]);
  });

  it("has a report: as JSON, and as a page that runs nothing of what the old files held", async () => {
    const report = (await api.call("GET", at("/report"))).body;
    expect(report).toMatchObject({ id: run, system: "ded", state: "succeeded", dryRun: false });
    expect(report.actor).toMatch(/^api-key:/);
    expect(report.licenses[0].certificate.tables).toContainEqual(
      expect.objectContaining({
        source: "products",
        read: 3,
        copied: 2,
        checksum: expect.stringMatching(/^-?\d+$/),
        converted: expect.objectContaining({ cost_price: { "noise-removed": 1 } }),
      }),
    );
    const page = await api.call("GET", at("/report"), { headers: { accept: "text/html,*/*;q=0.8" } });
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(page.text).toContain("&lt;b onclick=&quot;x()&quot;&gt;متجر&lt;/b&gt;");
    expect(page.text).not.toContain("<b onclick");
    for (const text of [page.text, JSON.stringify(report)]) {
      expect(text).not.toMatch(/scrypt:|pbkdf2:|argon2id/);
      expect(text).not.toContain(DED_PASSWORD);
    }
  });

  it("leaves what is there, or fails for it, as it is told", async () => {
    const left = await migrate({ system: "ded", path: "old" });
    expect(left.body.operation.children).toMatchObject({ succeeded: 2, failed: 0 });
    const skipped = (await api.call("GET", `${RUNS}/${left.body.operation.id}`)).body.figures;
    expect(skipped.outcomes).toMatchObject({ imported: 0, created: 0, skipped: 2 });
    const body = { system: "ded", path: "old", licenseKeys: [KEYS[0]], onExisting: "fail" };
    const failed = await migrate(body);
    const { items } = (await api.call("GET", `${RUNS}/${failed.body.operation.id}/items?state=failed`)).body;
    expect(items).toMatchObject([
      { licenseKey: KEYS[0], error: { type: expect.stringMatching(/^urn:/), status: expect.any(Number) } },
    ]);
  });

  it("leaves nothing of a license with a bad row when it is strict, and moves the others", async () => {
    const keys = ["HTTP-0000-0000-0011", "HTTP-0000-0000-0012"] as const;
    writeSource("strict", keys);
    const answer = await migrate({ system: "ded", path: "strict", strict: true });
    expect(answer.body.operation.children).toMatchObject({ succeeded: 1, failed: 1 });
    const { items } = (await api.call("GET", `${RUNS}/${answer.body.operation.id}/items`)).body;
    expect(items).toMatchObject([
      { licenseKey: keys[0], state: "failed", error: { code: "IMPORT_INCOMPLETE", status: 409 } },
      { licenseKey: keys[1], state: "succeeded", outcome: "created" },
    ]);
  });

  it("is no other operation, nor one license of itself", async () => {
    const created = await api.call("POST", "/v1/licenses", {
      body: createLicenseBody(),
      headers: { prefer: "wait=60" },
    });
    const children = (await api.call("GET", `/v1/operations?parentId=${run}`)).body.items;
    const ids = [
      created.body.operation.id,
      children[0].id,
      "01900000-0000-7000-8000-000000000000",
      "nonsense",
      "%00",
    ];
    for (const id of ids) {
      for (const [method, path] of [
        ["GET", ""],
        ["GET", "/items"],
        ["GET", "/quarantine"],
        ["GET", "/report"],
        ["POST", "/quarantine/retry"],
      ] as const) {
        const answer = await api.call(method, `${RUNS}/${id}${path}`, method === "POST" ? { body: {} } : {});
        expect([id, path, answer.status]).toEqual([id, path, id === "%00" ? 400 : 404]);
      }
    }
  });
});
