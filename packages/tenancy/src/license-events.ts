import type { LicenseEventsTable, LicenseEventType } from "@tenantry/schema";
import type { Selectable } from "kysely";
import type { TenancyContext } from "./context.ts";
import { TenancyError } from "./errors.ts";
import { normalizeLicenseKey } from "./license-key.ts";
import { isNumber, type Page, type PageRequest, readCursor, toPage } from "./page.ts";

/** One line of a license's history. */
export interface LicenseEvent {
  readonly id: string;
  readonly at: string;
  readonly type: LicenseEventType;
  /** `api-key:<name>`, `cli:<user>` or `worker:<name>`. */
  readonly actor: string;
  /** The fields that it changed, as they were. */
  readonly from: object;
  /** The same fields afterwards. */
  readonly to: object;
  readonly reason: string | null;
}

/**
 * What happened to a license, newest first.
 *
 * @throws TenancyError LICENSE_NOT_FOUND
 */
export async function listLicenseEvents(
  ctx: TenancyContext,
  key: string,
  page: PageRequest,
): Promise<Page<LicenseEvent>> {
  const license = await ctx.control
    .selectFrom("licenses")
    .select("id")
    .where("key", "=", normalizeLicenseKey(key))
    .executeTakeFirst();
  if (license === undefined) {
    throw new TenancyError("LICENSE_NOT_FOUND", "There is no license with that key.");
  }
  let query = ctx.control
    .selectFrom("license_events")
    .select(["id", "at", "type", "actor", "from", "to", "reason"])
    .where("license_id", "=", license.id)
    .orderBy("id", "desc")
    .limit(page.limit + 1);
  if (page.cursor !== undefined) query = query.where("id", "<", readCursor(page.cursor, isNumber));
  return toPage(await query.execute(), page.limit, toLicenseEvent);
}

type EventRow = Pick<
  Selectable<LicenseEventsTable>,
  "id" | "at" | "type" | "actor" | "from" | "to" | "reason"
>;

function toLicenseEvent({ id, at, type, actor, from, to, reason }: EventRow): LicenseEvent {
  return { id, at: at.toISOString(), type, actor, from, to, reason };
}
