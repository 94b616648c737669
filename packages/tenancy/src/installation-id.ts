import { randomBytes } from "node:crypto";
import type { ControlDatabase } from "@tenantry/schema";

const SETTING = "installation_id";

/** A short name that this installation has given itself, to tell its keys apart in a Redis that others use too. */
export async function installationId(control: ControlDatabase): Promise<string> {
  await control
    .insertInto("settings")
    .values({ name: SETTING, value: JSON.stringify({ id: randomBytes(6).toString("hex") }) })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const row = await control
    .selectFrom("settings")
    .select("value")
    .where("name", "=", SETTING)
    .executeTakeFirstOrThrow();
  return String(Reflect.get(row.value, "id"));
}
