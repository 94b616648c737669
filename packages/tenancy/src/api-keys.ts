import { randomUUIDv7 } from "node:crypto";
import { sql } from "kysely";
import type { TenancyContext } from "./context.ts";
import { TenancyError, validationError } from "./errors.ts";
import { isUuid } from "./page.ts";
import { isScope, SCOPES, type Scope } from "./scopes.ts";
import { generateToken, hashToken } from "./secret-token.ts";
import { textFaults } from "./text-rules.ts";

export interface ApiKey {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly createdAt: string;
  readonly lastUsedAt: string | null;
  readonly revokedAt: string | null;
}

/**
 * Makes an API key. The token is shown this once; only its hash is kept.
 *
 * @throws TenancyError VALIDATION_FAILED for a bad name, an unknown scope or none.
 */
export async function createApiKey(
  ctx: TenancyContext,
  input: { name: string; scopes: readonly string[] },
): Promise<{ apiKey: ApiKey; token: string }> {
  const faults = textFaults("/name", input.name, { maxLength: 100, required: true });
  if (input.scopes.length === 0) faults.push({ pointer: "/scopes", detail: "needs at least one scope" });
  for (const scope of input.scopes.filter((name) => !isScope(name))) {
    faults.push({ pointer: "/scopes", detail: `${scope} is not one of ${SCOPES.join(", ")}` });
  }
  if (faults.length > 0) throw validationError(faults);
  const token = generateToken("tk");
  const row = await ctx.control
    .insertInto("api_keys")
    .values({
      id: randomUUIDv7(),
      name: input.name,
      token_hash: hashToken(token),
      scopes: [...new Set(input.scopes)],
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return { apiKey: toApiKey(row), token };
}

/** All keys, newest first, the revoked ones too. */
export async function listApiKeys(ctx: TenancyContext): Promise<ApiKey[]> {
  const rows = await ctx.control.selectFrom("api_keys").selectAll().orderBy("id", "desc").execute();
  return rows.map(toApiKey);
}

/**
 * Revokes a key, for good. Revoking it again changes nothing.
 *
 * @throws TenancyError API_KEY_NOT_FOUND
 */
export async function revokeApiKey(ctx: TenancyContext, id: string): Promise<ApiKey> {
  const row = isUuid(id)
    ? await ctx.control
        .updateTable("api_keys")
        .set({ revoked_at: sql<Date>`coalesce(revoked_at, now())` })
        .where("id", "=", id)
        .returningAll()
        .executeTakeFirst()
    : undefined;
  if (row === undefined) throw new TenancyError("API_KEY_NOT_FOUND", "There is no API key with that id.");
  return toApiKey(row);
}

export interface AuthenticatedKey {
  readonly id: string;
  readonly name: string;
  readonly scopes: ReadonlySet<Scope>;
}

/** How stale `last_used_at` may be: it isn't worth a write with every request. */
const LAST_USED_PRECISION = "1 minute";

/**
 * @throws TenancyError UNAUTHENTICATED for a token that no live key has.
 */
export async function authenticateApiKey(ctx: TenancyContext, token: string): Promise<AuthenticatedKey> {
  const row = await ctx.control
    .selectFrom("api_keys")
    .select(["id", "name", "scopes"])
    .select(
      sql<boolean>`last_used_at is null or last_used_at < now() - interval ${sql.lit(LAST_USED_PRECISION)}`.as(
        "stale",
      ),
    )
    .where("token_hash", "=", hashToken(token))
    .where("revoked_at", "is", null)
    .executeTakeFirst();
  if (row === undefined) throw new TenancyError("UNAUTHENTICATED", "The API key is unknown or was revoked.");
  if (row.stale) {
    await ctx.control
      .updateTable("api_keys")
      .set({ last_used_at: sql<Date>`now()` })
      .where("id", "=", row.id)
      .execute();
  }
  return { id: row.id, name: row.name, scopes: new Set(row.scopes.filter(isScope)) };
}

function toApiKey(row: {
  id: string;
  name: string;
  scopes: string[];
  created_at: Date;
  last_used_at: Date | null;
  revoked_at: Date | null;
}): ApiKey {
  return {
    id: row.id,
    name: row.name,
    scopes: row.scopes,
    createdAt: row.created_at.toISOString(),
    lastUsedAt: row.last_used_at?.toISOString() ?? null,
    revokedAt: row.revoked_at?.toISOString() ?? null,
  };
}
