import { tenantKeyPrefix } from "@tenantry/tenancy/redis";
import { type Example, runExample } from "../installation.ts";
import { tellBookings } from "./booking-story.ts";
import { type BotClients, findClients } from "./clients.ts";
import { checkIsolation, describeCheck } from "./isolation-checks.ts";
import { buildService } from "./service.ts";

/** `npm run example:booking`: two clients of the bot in one process, from the sale to the audit. */
await runExample("booking", async (example) => {
  const { ctx, say } = example;

  say("1. Two studios buy the booking bot\n");
  const owners = [
    { clientName: "Студия маникюра «Лотос»", adminTelegramId: 9700000001 },
    { clientName: "Барбершоп «Борода»", adminTelegramId: 9700000101 },
  ];
  const names: string[] = [];
  for (const { clientName, adminTelegramId } of owners) {
    const { license, tenant } = await example.customer({
      clientName,
      blueprint: "booking",
      parameters: { adminTelegramId },
    });
    say(`   ${tenant.schema_name}  ${license.key}  ${clientName}`);
    names.push(tenant.schema_name);
  }

  const clients = await findClients(ctx, names);
  const app = buildService(ctx, clients);
  try {
    const url = await app.listen({ host: "127.0.0.1", port: 0 });
    say(`\n2. One process serves both: ${url}`);
    say(`   ${describeCaches(example, clients)}\n`);
    await tellBookings(example, url, names as [string, string]);

    say("\n4. The audit: does each see its own, and nothing else?\n");
    let passed = true;
    for await (const check of checkIsolation(ctx, clients)) {
      say(describeCheck(check));
      passed &&= check.passed;
    }
    return passed;
  } finally {
    await app.close();
    for (const { cache } of clients.values()) cache.close();
  }
});

function describeCaches({ redisUrl }: Example, clients: BotClients): string {
  if (redisUrl === null) return "No REDIS_URL: free slots are asked of PostgreSQL each time.";
  const prefixes = [...clients.values()].map(({ tenant }) => `${tenantKeyPrefix(tenant)}*`);
  return `In Redis each has its own keys: ${prefixes.join(", ")}`;
}
