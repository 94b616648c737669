import { createLogger, type LogLevel, parseConfig } from "@tenantry/installation";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { watchParent } from "../parent-watch.ts";
import { type DashboardLogin, dashboardLogin } from "../up/dashboard-login.ts";
import { ensureLocalApiKey } from "../up/local-api-key.ts";
import { startServices } from "../up/services.ts";
import { curlLine, type UpSummary, upSummaryText } from "../up/up-summary.ts";

/** On a terminal the log would bury the summary; what goes wrong still shows. */
const LEVEL_BESIDE_SUMMARY: LogLevel = "warn";
/** Schemas kept ready-made of each blueprint, unless WARM_TENANTS says otherwise. */
const WARM_TENANTS = 4;

export const upCommand = defineCommand({
  description:
    "Starts everything in one process and stays up: PostgreSQL (embedded unless DATABASE_URL is set), API, worker, dashboard.",
  options: {},
  details: [
    "Prints the addresses, the dashboard's login, an API key and a curl line that creates a license. The log goes to",
    "stderr as JSON lines: from `warn` up when stdout is a terminal, else from `info`, or as LOG_LEVEL says.",
    "Ctrl-C drains and stops it; a second one ends it at once. PORT=0 takes any free port.",
  ],
  examples: [
    "tenantry up",
    "PORT=8080 OPS_PASSWORD=… tenantry up",
    "DATABASE_URL=postgres://… REDIS_URL=redis://… tenantry up",
  ],
  run: async ({ terminal, environment, shutdown, json }) => {
    const config = parseConfig(environment);
    const level = environment.LOG_LEVEL || !terminal.dataIsTty ? config.logLevel : LEVEL_BESIDE_SUMMARY;
    const log = createLogger({ level, name: "up" });
    const unwatch = watchParent(environment, () => shutdown.request("npm has ended."));
    let dashboard: DashboardLogin | undefined;
    const services = await startServices(config, {
      warmTenants: config.warmTenants ?? WARM_TENANTS,
      role: "up",
      port: config.port,
      opsLogin: async (installation) => {
        dashboard = await dashboardLogin(config, installation);
        return dashboard;
      },
      log,
      onProgress: (message) => terminal.status(message),
      shutdown,
    });
    try {
      if (dashboard === undefined) throw new Error("the API started without a dashboard login");
      const apiKey = await ensureLocalApiKey(services.installation);
      const { url } = services;
      const summary: UpSummary = { url, dashboard, apiKey, curl: curlLine(url, apiKey) };
      terminal.clearStatus();
      if (json) terminal.json(asJson(summary));
      else terminal.data(upSummaryText(summary, (text) => terminal.style("bold", text)));
      await shutdown.asked();
    } finally {
      unwatch();
      await services.close();
    }
    terminal.note("Stopped.");
    return EXIT.done;
  },
});

function asJson({ url, dashboard: { user, password }, apiKey, curl }: UpSummary): object {
  return {
    api: url,
    docs: `${url}/docs`,
    dashboard: { url: `${url}/admin/queues`, user, password },
    apiKey,
    curl,
  };
}
