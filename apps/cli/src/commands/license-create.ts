import { parseConfig } from "@tenantry/installation";
import { announceNew } from "@tenantry/jobs";
import { createBlueprintRegistry, LICENSE_TYPES, loadBlueprints } from "@tenantry/schema";
import { BLUEPRINTS } from "@tenantry/schema/blueprints";
import {
  type CreateLicenseInput,
  createLicense,
  getLicense,
  type Operation,
  parseCreateLicense,
  TenancyError,
} from "@tenantry/tenancy";
import { cliCaller } from "../actor.ts";
import { readAdminPassword } from "../admin-password.ts";
import { WrongUse } from "../arguments/wrong-use.ts";
import { type CommandContext, defineCommand } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { workUntilEnded } from "../follow-operation.ts";
import { licenseRequestBody, optionFault } from "../license-request.ts";
import { licensePairs, operationPairs } from "../output/license-text.ts";
import { formatPairs } from "../output/table.ts";
import { withInstallation } from "../with-installation.ts";

/** Stands for the password while the rest is looked at, so that nobody types one for a request that is refused. */
const PLACEHOLDER = "-".repeat(16);

export const licenseCreateCommand = defineCommand({
  description: "Creates a license and its tenant, and waits until the tenant is ready.",
  options: {
    client: { type: "string", value: "NAME", help: "The customer, as it should be shown (required)" },
    email: { type: "string", value: "ADDRESS", help: "Their e-mail address" },
    phone: { type: "string", value: "NUMBER", help: "Their telephone number" },
    company: { type: "string", value: "NAME", help: "Their company" },
    admin: { type: "string", value: "USER", help: "The administrator's username (required by erp)" },
    "password-stdin": { type: "boolean", help: "Read the administrator's password from stdin" },
    type: { type: "string", value: "TYPE", help: `${LICENSE_TYPES.join(", ")} (default trial)` },
    "max-users": { type: "string", value: "N", help: "Users at most (default 1)" },
    "max-branches": { type: "string", value: "N", help: "Branches at most (default 1)" },
    days: { type: "string", value: "N", help: "Days that it lasts (default by type)" },
    expires: { type: "string", value: "TIME", help: "When it ends instead, such as 2030-01-31T23:59:59Z" },
    blueprint: { type: "string", value: "NAME", help: "What the tenant holds (default erp)" },
    param: { type: "string", multiple: true, value: "NAME=VALUE", help: "A parameter of the blueprint" },
    notes: { type: "string", value: "TEXT", help: "Notes for yourselves" },
    "no-wait": { type: "boolean", help: "Return when it is accepted, before the tenant is made" },
  },
  details: [
    "The administrator's password is asked for on a terminal, read from stdin with --password-stdin,",
    "or taken from TENANTRY_ADMIN_PASSWORD. It is never an argument.",
  ],
  examples: [
    "tenantry license create --client 'Acme Ltd' --admin admin --type yearly --max-users 5",
    "tenantry license create --client 'Nail Studio' --blueprint booking --param adminTelegramId=9700000001",
    "pass show acme | tenantry license create --client 'Acme Ltd' --admin admin --password-stdin --json",
  ],
  run: async (context, values) => {
    const input = await readRequest(context, licenseRequestBody(values), values["password-stdin"] === true);
    const wait = values["no-wait"] !== true;
    return withInstallation(context, { worker: wait }, async (installation) => {
      const { ctx, queues } = installation;
      const { answer, entry } = await createLicense(ctx, input, cliCaller());
      const { key } = answer.license;
      context.terminal.status(`License ${key} is accepted`);
      await announceNew(ctx, queues, entry);
      const operation = wait ? await workUntilEnded(context, installation, entry.id) : answer.operation;
      printOutcome(context, { ...(await getLicense(ctx, key)), operation });
      return conclude(context, operation, wait);
    });
  },
});

/** The whole request, found good. What is wrong with it is told by the options' names. */
async function readRequest(
  context: CommandContext,
  body: Record<string, unknown>,
  passwordFromStdin: boolean,
): Promise<CreateLicenseInput> {
  const { blueprintFolders } = parseConfig(context.environment);
  const blueprints = await createBlueprintRegistry(await loadBlueprints(BLUEPRINTS, blueprintFolders));
  const parse = (candidate: unknown): CreateLicenseInput => {
    try {
      return parseCreateLicense(candidate, blueprints, new Date());
    } catch (error) {
      if (!(error instanceof TenancyError) || error.code !== "VALIDATION_FAILED") throw error;
      throw new WrongUse(
        "The license can't be created like that.",
        "See `tenantry license create --help`.",
        error.faults.map(optionFault),
      );
    }
  };
  const known = blueprints.get(typeof body.blueprint === "string" ? body.blueprint : "erp");
  const needsPassword = known === undefined || known.blueprint.signIn;
  const parsed = parse(needsPassword ? { ...body, adminPassword: PLACEHOLDER } : body);
  if (!needsPassword || parsed.admin === null) return parsed;
  const adminPassword = await readAdminPassword(context, parsed.admin.username, passwordFromStdin);
  return parse({ ...body, adminPassword });
}

function printOutcome(
  { terminal, json }: CommandContext,
  outcome: Awaited<ReturnType<typeof getLicense>> & { operation: Operation },
): void {
  const { license, tenant, operation } = outcome;
  const shown = ["Operation", "State", "Error", "Hint"];
  const pairs = operationPairs(operation).filter(([name]) => shown.includes(name));
  if (json) terminal.json(outcome);
  else terminal.data(formatPairs([...licensePairs(license, tenant), ...pairs]));
}

function conclude({ terminal }: CommandContext, operation: Operation, waited: boolean): ExitCode {
  switch (operation.state) {
    case "succeeded":
      return EXIT.done;
    case "failed":
    case "canceled":
      terminal.note(
        `The license is kept; \`tenantry operation retry ${operation.id}\` makes its tenant after all.`,
      );
      return EXIT.partlyDone;
    default:
      terminal.note(
        `Accepted, not finished. \`tenantry operation watch ${operation.id}\` goes on with it; so does a running \`tenantry up\`.`,
      );
      return waited ? EXIT.partlyDone : EXIT.done;
  }
}
