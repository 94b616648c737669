import { createLogger, generateOpsPassword, type LogLevel, parseConfig } from "@tenantry/installation";
import { createApiKey, hashPassword, revokeApiKey } from "@tenantry/tenancy";
import { defineCommand } from "../command.ts";
import { contractSummary, type DemoFacts } from "../demo/contract-summary.ts";
import { SalesSystem } from "../demo/sales-system.ts";
import { playSale } from "../demo/story.ts";
import { EXIT } from "../exit-code.ts";
import { type Services, startServices } from "../up/services.ts";

const QUIET: LogLevel = "error";
const SCOPES = ["licenses:write", "operations:read"];

export const demoCommand = defineCommand({
  description:
    "Starts everything, fires one create-license request as a sales system would, shows the progress, signs the new admin in, lists what the tenant holds, and stops.",
  options: {},
  details: [
    "Uses the embedded PostgreSQL unless DATABASE_URL is set, and any free port, so that it also works while",
    "`tenantry up` runs. The license that it makes stays.",
  ],
  examples: ["tenantry demo", "DATABASE_URL=postgres://… REDIS_URL=redis://… tenantry demo --json"],
  run: async (context) => {
    const { terminal, environment, shutdown, json } = context;
    const config = parseConfig(environment);
    const log = createLogger({ level: environment.LOG_LEVEL ? config.logLevel : QUIET, name: "demo" });
    const services = await startServices(
      { ...config, host: "127.0.0.1" },
      {
        role: "demo",
        port: 0,
        warmTenants: null,
        // Nobody is told it: the demonstration shows no dashboard.
        opsLogin: async () => ({
          user: config.opsUser,
          passwordHash: await hashPassword(generateOpsPassword()),
        }),
        log,
        onProgress: (message) => terminal.status(message),
        shutdown,
      },
    );
    let facts: DemoFacts;
    try {
      terminal.clearStatus();
      facts = await withTemporaryKey(services, (token) =>
        playSale(context, new SalesSystem(services.url, token, shutdown.signal), services.installation),
      );
    } finally {
      await services.close();
    }
    // After everything has stopped, so that nothing comes behind the last lines.
    if (json) terminal.json(facts);
    else terminal.data(`\n${contractSummary(facts)}`);
    return EXIT.done;
  },
});

async function withTemporaryKey<T>(
  { installation: { ctx } }: Services,
  work: (token: string) => Promise<T>,
): Promise<T> {
  const { apiKey, token } = await createApiKey(ctx, { name: "demo", scopes: SCOPES });
  try {
    return await work(token);
  } finally {
    await revokeApiKey(ctx, apiKey.id);
  }
}
