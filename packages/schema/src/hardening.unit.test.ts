import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { hardeningScript } from "./hardening.ts";

it("Docker's PostgreSQL is hardened by the same statements", async () => {
  const file = new URL("../../../docker/20-tenantry-hardening.sql", import.meta.url);
  expect(await readFile(file, "utf8")).toContain(`\\connect tenantry\n${hardeningScript("tenantry")}`);
});
