import { describe, expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "../../../test/support/database.ts";
import { untilBlocked } from "../../../test/support/locks.ts";
import { performedBackup, performedLicense } from "../../../test/support/perform.ts";
import { openTestInstallation } from "../../../test/support/tenantry.ts";
import { tiny } from "../../../test/support/tiny-blueprint.ts";
import { createApiKey } from "./api-keys.ts";
import { orderVerify } from "./backup/order-verify.ts";

const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url, blueprints: [tiny] });
const { ctx } = installation;
const ORDER = { blueprint: "tiny", adminUsername: undefined, adminPassword: undefined };

describe("a request for work that locks nothing", async () => {
  const { id } = await performedBackup(installation, await performedLicense(installation, ORDER));
  const { apiKey } = await createApiKey(ctx, { name: "ops", scopes: ["backups:write"] });

  it.each(["same", "other"])("meets the %s request, which is accepted while it looks", async (hash) => {
    const idempotency = { key: hash, requestHash: Buffer.from("same") };
    const caller = { actor: "api-key:ops", apiKeyId: apiKey.id, idempotency };
    const earlier = { id: "01900000-0000-7000-8000-000000000001", kind: "verify-backup" };
    const asked = await withAdmin(database.url, async (first) => {
      await first.query("BEGIN; LOCK TABLE tenantry.idempotency_keys IN ACCESS EXCLUSIVE MODE");
      const second = Promise.allSettled([orderVerify(ctx, { id }, caller)]);
      // It has found no answer by now, and is about to see whether its key is free.
      await untilBlocked(database.url, "tenantry-test-control");
      await first.query(
        `INSERT INTO tenantry.operations (id, kind, state, api_key_id, idempotency_key, request_hash, input, answer)
         VALUES (gen_random_uuid(), 'verify-backup', 'queued', $1, $2, $3, '{}', $4)`,
        [apiKey.id, hash, Buffer.from(hash), JSON.stringify({ operation: earlier })],
      );
      await first.query("COMMIT");
      return second;
    });
    expect(asked).toMatchObject([
      hash === "same"
        ? { status: "fulfilled", value: { replayed: true, entry: null, answer: { operation: earlier } } }
        : { status: "rejected", reason: { code: "IDEMPOTENCY_KEY_REUSED" } },
    ]);
  });
});
