import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase } from "../../../../test/support/database.ts";
import { shop } from "../../../../test/support/shop-blueprint.ts";
import { openTestInstallation } from "../../../../test/support/tenantry.ts";
import { createApiKey } from "../api-keys.ts";
import { TenancyError } from "../errors.ts";
import { type Caller, requestHash } from "../idempotency.ts";
import { legacyRunFigures } from "./legacy-figures.ts";
import { listLegacyItems } from "./legacy-items.ts";
import { parseLegacyMigration } from "./legacy-migration-request.ts";
import { findAcceptedMigration, migrateLegacy } from "./migrate-legacy.ts";
import { listQuarantine } from "./quarantine.ts";

const database = await createTestDatabase();
const { ctx } = await openTestInstallation({ databaseUrl: database.url, blueprints: [shop] });
const BODY = { system: "shop", path: "old" };

beforeAll(async () => {
  await mkdir(join(ctx.legacy.directory, "old"), { recursive: true });
});

function faults(body: unknown): string[] {
  try {
    parseLegacyMigration(body, ctx);
    return [];
  } catch (error) {
    if (!(error instanceof TenancyError)) throw error;
    return error.faults.map(({ pointer, detail }) => `${pointer} ${detail}`);
  }
}

describe("a request for a legacy migration", () => {
  it("needs a system and a path, and has defaults for the rest", () => {
    expect(parseLegacyMigration(BODY, ctx)).toEqual({
      system: "shop",
      path: "old",
      root: "legacy-dir",
      licenseKeys: null,
      dryRun: false,
      onExisting: "skip",
      strict: false,
      timeZone: null,
      pace: "yield",
    });
  });

  it("is told every fault", () => {
    expect(
      faults({
        system: "dad",
        path: "a\u0000b",
        licenseKeys: [],
        onExisting: "overwrite",
        strict: "yes",
        timeZone: "Mars/Base",
        root: "operator",
      }).sort(),
    ).toEqual([
      "/licenseKeys must not have fewer than 1 items",
      "/onExisting must be one of skip, fail",
      "/path holds a control character",
      "/root is not a known field",
      "/strict must be boolean",
      "/system must be one of shop",
      "/timeZone is not a time zone's IANA name, such as Europe/Moscow",
    ]);
    expect(faults(null)).not.toEqual([]);
    expect(faults({})).toEqual(["/system is required", "/path is required"]);
  });
});

describe("an accepted legacy migration", () => {
  it("is one operation, with equal answers, for twenty identical requests at once", async () => {
    const { apiKey } = await createApiKey(ctx, { name: "mover", scopes: ["legacy:write"] });
    const caller = (body: object, key = "move 1"): Caller => ({
      actor: "api-key:mover",
      apiKeyId: apiKey.id,
      idempotency: { key, requestHash: requestHash("secret", "POST /v1/legacy-migrations", body) },
    });
    const input = parseLegacyMigration(BODY, ctx);
    expect(await findAcceptedMigration(ctx, caller(BODY))).toBeNull();
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, () => migrateLegacy(ctx, input, caller(BODY))),
    );
    expect(outcomes.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(new Set(outcomes.map(({ answer }) => JSON.stringify(answer))).size).toBe(1);
    expect(outcomes.filter(({ entry }) => entry !== null)).toMatchObject([{ replayed: false }]);
    expect(await findAcceptedMigration(ctx, caller(BODY))).toMatchObject({ replayed: true });
    await expect(migrateLegacy(ctx, input, caller({ ...BODY, strict: true }))).rejects.toMatchObject({
      code: "IDEMPOTENCY_KEY_REUSED",
    });
  });

  it("needs a source that is there, under LEGACY_DIR", async () => {
    const caller: Caller = { actor: "cli:ops", apiKeyId: null, idempotency: null };
    for (const path of ["not there", "../elsewhere", "/etc", "old/../../x"]) {
      const input = parseLegacyMigration({ ...BODY, path }, ctx);
      await expect(migrateLegacy(ctx, input, caller)).rejects.toMatchObject({ code: "SOURCE_NOT_FOUND" });
    }
  });

  it("has no licenses before it is planned", async () => {
    const caller: Caller = { actor: "cli:ops", apiKeyId: null, idempotency: null };
    const { answer } = await migrateLegacy(ctx, parseLegacyMigration(BODY, ctx), caller);
    const { id } = answer.operation;
    expect(answer.operation).toMatchObject({ kind: "migrate-legacy", state: "queued" });
    expect(await listLegacyItems(ctx, id, {}, { limit: 10 })).toEqual({ items: [], nextCursor: null });
    expect(await listQuarantine(ctx, id, {}, { limit: 10 })).toEqual({ items: [], nextCursor: null });
    expect(await legacyRunFigures(ctx, id)).toMatchObject({
      licenses: { total: 0 },
      rowsPerSecond: null,
      estimatedEnd: null,
    });
    const nothing = "00000000-0000-7000-8000-000000000000";
    await expect(legacyRunFigures(ctx, nothing)).rejects.toMatchObject({ code: "OPERATION_NOT_FOUND" });
  });
});
