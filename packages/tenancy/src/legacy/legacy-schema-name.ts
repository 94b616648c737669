import { createHash } from "node:crypto";
import { type ControlDatabase, MAX_IDENTIFIER_BYTES, type SchemaNaming } from "@tenantry/schema";
import { sql } from "kysely";
import { nextSchemaName } from "../schema-name.ts";

const PLAIN = /^[a-z][a-z0-9_]*$/;
/** Hexadecimal digits that tell apart keys whose plain names are the same, or too long. */
const DIGEST_LENGTH = 12;
/** A folder's number beyond this is a name like any other: the counter never gets there. */
const LARGEST_NUMBER = 999_999;

/**
 * The schema's name for a license that moves in. `wanted` is what its folder says: given if it is of the blueprint's kind
 * and free, and then the counter moves past it. Names made of license keys take any key: one that holds more than letters,
 * digits and dashes, is too long, or meets another's name, gets a digest of itself.
 */
export async function legacySchemaName(
  transaction: ControlDatabase,
  blueprint: string,
  naming: SchemaNaming,
  license: { readonly key: string; readonly wanted: string | null },
): Promise<string> {
  if (naming.kind === "license-key") {
    const plain = likelySchemaName(naming, license);
    if (plain !== null && (await isFree(transaction, plain))) return plain;
    return digestName(naming.prefix, license.key);
  }
  const wanted = wantedName(naming, license.wanted);
  if (wanted !== null) {
    await movePast(transaction, blueprint, naming, wanted);
    if (await isFree(transaction, wanted)) return wanted;
  }
  for (;;) {
    const name = await nextSchemaName(transaction, blueprint, naming, license.key);
    // A name that the counter would have come to may have been given to a folder of another form, `client_7`.
    if (await isFree(transaction, name)) return name;
  }
}

/** The name that it gets unless somebody else has it: for labels. Null where only a counter can say. */
export function likelySchemaName(
  naming: SchemaNaming,
  license: { readonly key: string; readonly wanted: string | null },
): string | null {
  if (naming.kind === "sequence") return wantedName(naming, license.wanted);
  const plain = naming.prefix + license.key.toLowerCase().replaceAll("-", "_");
  return isPlain(plain) ? plain : null;
}

function wantedName(naming: SchemaNaming, wanted: string | null): string | null {
  return wanted?.startsWith(naming.prefix) === true && isPlain(wanted) ? wanted : null;
}

function isPlain(name: string): boolean {
  return PLAIN.test(name) && name.length <= MAX_IDENTIFIER_BYTES;
}

function digestName(prefix: string, key: string): string {
  const digest = createHash("sha256").update(key).digest("hex").slice(0, DIGEST_LENGTH);
  const readable = key
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .slice(0, MAX_IDENTIFIER_BYTES - prefix.length - DIGEST_LENGTH - 1);
  return `${prefix}${readable}_${digest}`;
}

/** Of those that Tenantry knows, wherever: a tenant may be moved. A schema that it doesn't know is found when the tenant is made: SCHEMA_TAKEN. */
async function isFree(transaction: ControlDatabase, name: string): Promise<boolean> {
  const holder = await transaction
    .selectFrom("tenants")
    .select("id")
    .where("schema_name", "=", name)
    .executeTakeFirst();
  return holder === undefined;
}

/** Has the counter go on after a name that it would have come to. Its row stays locked until the transaction ends. */
async function movePast(
  transaction: ControlDatabase,
  blueprint: string,
  naming: SchemaNaming & { readonly kind: "sequence" },
  name: string,
): Promise<void> {
  const digits = name.slice(naming.prefix.length);
  const number = /^\d{1,9}$/.test(digits) ? Number(digits) : 0;
  if (number < 1 || number > LARGEST_NUMBER) return;
  if (String(number).padStart(naming.digits, "0") !== digits) return;
  await transaction
    .insertInto("schema_counters")
    .values({ blueprint, last: number })
    .onConflict((conflict) =>
      conflict
        .column("blueprint")
        .doUpdateSet({ last: sql<number>`greatest(schema_counters.last, ${number})` }),
    )
    .execute();
}
