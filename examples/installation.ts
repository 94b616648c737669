import { openLocalInstallation, openTerminal, printProblem, Shutdown } from "@tenantry/cli";
import { createLogger, type Installation, parseConfig } from "@tenantry/installation";
import { announceNew } from "@tenantry/jobs";
import { loadBlueprints } from "@tenantry/schema";
import { BLUEPRINTS } from "@tenantry/schema/blueprints";
import {
  createLicense,
  getLicense,
  type License,
  listLicenses,
  listOperations,
  parseCreateLicense,
  type TenancyContext,
  type TenantRef,
} from "@tenantry/tenancy";
import { startWorker } from "@tenantry/worker";

/** What an example is handed: an installation that runs, a place to write to, and customers to serve. */
export interface Example {
  readonly installation: Installation;
  readonly ctx: TenancyContext;
  /** Null: the environment names no Redis. */
  readonly redisUrl: string | null;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  say(line?: string): void;
  /** A customer of that name: whom an earlier run has sold to, or a new one. `request` is a create-license request. */
  customer(request: Readonly<Record<string, unknown>>): Promise<Customer>;
}

export interface Customer {
  readonly license: License;
  readonly tenant: TenantRef;
}

/**
 * Opens the installation that the environment names (without a DATABASE_URL the embedded one), tells the story and
 * stops everything. Ends the process: with 0, or 1 when the story failed or returned false.
 */
export async function runExample(
  name: string,
  story: (example: Example) => Promise<boolean | undefined>,
  /** Folders of blueprints of the example's own. */
  blueprintFolders: readonly string[] = [],
): Promise<never> {
  const terminal = openTerminal(process);
  const shutdown = new Shutdown(process, (message) => terminal.note(message));
  let passed = false;
  try {
    const config = parseConfig(process.env);
    const installation = await openLocalInstallation(config, {
      blueprints: await loadBlueprints(BLUEPRINTS, [...config.blueprintFolders, ...blueprintFolders]),
      role: name,
      workerConcurrency: 2,
      log: createLogger({ level: process.env.LOG_LEVEL ? config.logLevel : "error", name }),
      onProgress: (message) => terminal.status(message),
      shutdown,
    });
    try {
      terminal.clearStatus();
      const told = await story({
        installation,
        ctx: installation.ctx,
        redisUrl: config.redisUrl,
        signal: shutdown.signal,
        say: terminal.line,
        customer: (request) => findOrSell(installation, name, request),
      });
      passed = told !== false;
    } finally {
      await installation.close();
    }
  } catch (error) {
    await printProblem(terminal, error, { json: false, debug: process.env.LOG_LEVEL === "debug" });
  }
  await terminal.flushed();
  process.exit(passed ? 0 : 1);
}

const MOST = { limit: 200 };

/** What a sales system does over HTTP. An earlier run's license is known by its client's name and its note. */
async function findOrSell(
  installation: Installation,
  example: string,
  request: Readonly<Record<string, unknown>>,
): Promise<Customer> {
  const { ctx } = installation;
  const notes = `sold by example ${example}`;
  const filter = { status: "active" as const, q: String(request.clientName) };
  const known = (await listLicenses(ctx, filter, MOST)).items.find(
    (license) => license.clientName === request.clientName && license.notes === notes,
  );
  const { key } =
    known ?? (await sell(installation, example, { licenseType: "lifetime", ...request, notes }));
  const tenant = () =>
    ctx.control
      .selectFrom("tenants")
      .innerJoin("licenses", "licenses.id", "tenants.license_id")
      .selectAll("tenants")
      .where("licenses.key", "=", key)
      .executeTakeFirstOrThrow();
  if ((await tenant()).state === "provisioning") await untilMade(installation, key);
  return { license: (await getLicense(ctx, key)).license, tenant: await tenant() };
}

async function sell({ ctx, queues }: Installation, example: string, request: object): Promise<License> {
  const input = parseCreateLicense(request, ctx.blueprints, new Date());
  const caller = { actor: `example:${example}`, apiKeyId: null, idempotency: null };
  const { answer, entry } = await createLicense(ctx, input, caller);
  await announceNew(ctx, queues, entry);
  return answer.license;
}

/** With a worker of our own, in case nobody else's runs. */
async function untilMade(installation: Installation, licenseKey: string): Promise<void> {
  const { ctx, watch } = installation;
  const { items } = await listOperations(ctx, { licenseKey, kind: "create-tenant" }, MOST);
  const worker = await startWorker(installation, { concurrency: 1 });
  try {
    for (const { id } of items) await watch.untilFinished(id, AbortSignal.timeout(60_000));
  } finally {
    await worker.close();
  }
}
