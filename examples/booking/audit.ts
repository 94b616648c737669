import { runExample } from "../installation.ts";
import { findClients } from "./clients.ts";
import { checkIsolation, describeCheck } from "./isolation-checks.ts";

/** `npm run example:booking:audit -- client_001 client_002`: the three checks alone. Ends with 1 if one fails. */
const names = process.argv.slice(2);

await runExample("booking-audit", async ({ ctx, say }) => {
  const clients = await findClients(ctx, names.length > 0 ? names : ["client_001", "client_002"]);
  let passed = true;
  for await (const check of checkIsolation(ctx, clients)) {
    say(describeCheck(check));
    passed &&= check.passed;
  }
  for (const { cache } of clients.values()) cache.close();
  return passed;
});
