import { randomBytes } from "node:crypto";
import type { ControlDatabase } from "@tenantry/schema";

const SETTING = "installation_secret";

/**
 * 256 random bits that the installation made for itself at its first start. The passwords of the logins that Tenantry
 * makes are derived from it. It lies in the control schema: whoever reads that is the owner of all tenants already.
 */
export async function installationSecret(control: ControlDatabase): Promise<Buffer> {
  await control
    .insertInto("settings")
    .values({ name: SETTING, value: JSON.stringify({ secret: randomBytes(32).toString("base64") }) })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const row = await control
    .selectFrom("settings")
    .select("value")
    .where("name", "=", SETTING)
    .executeTakeFirstOrThrow();
  return Buffer.from(String(Reflect.get(row.value, "secret")), "base64");
}
