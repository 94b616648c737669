import { randomBytes, randomUUID } from "node:crypto";
import { isFinished, type Operation, printable } from "@tenantry/tenancy";
import type { CommandContext } from "../command.ts";
import type { LocalInstallation } from "../local-installation.ts";
import { CliError } from "../output/describe-problem.ts";
import { count } from "../output/license-text.ts";
import { progressText } from "../output/progress-bar.ts";
import { formatPairs, formatTable } from "../output/table.ts";
import type { DemoFacts } from "./contract-summary.ts";
import type { SalesSystem } from "./sales-system.ts";
import { tenantContents } from "./tenant-contents.ts";

const ADMIN = "admin";

/**
 * Plays one sale, from the request to the new administrator at work, and tells it. Returns what came of it.
 *
 * @throws CliError DEMO_REQUEST_REFUSED, DEMO_OPERATION_FAILED, DEMO_NOT_IDEMPOTENT.
 */
export async function playSale(
  context: CommandContext,
  sales: SalesSystem,
  installation: LocalInstallation,
): Promise<DemoFacts> {
  const { terminal, json } = context;
  // With --json stdout is the outcome's alone.
  const tell = (text: string): void => (json ? terminal.progress(text) : terminal.data(text));
  const chapter = (title: string): void => tell(`\n${terminal.style("bold", title)}\n`);
  const request = {
    clientName: "Demo Trading Co. | شركة العرض للتجارة",
    company: "Demo Trading",
    email: "owner@demo.example",
    adminUsername: ADMIN,
    adminPassword: randomBytes(12).toString("base64url"),
    licenseType: "trial",
    maxUsers: 5,
    maxBranches: 2,
  };

  chapter("1. A sales system sells a license");
  const idempotencyKey = `demo-${randomUUID()}`;
  tell(`   POST /v1/licenses, Idempotency-Key: ${idempotencyKey}\n`);
  const first = await sales.createLicense(request, idempotencyKey);
  const { license, tenant, operation } = first.body;
  tell(`   ${first.status} in ${first.milliseconds} ms: license ${license.key}, operation ${operation.id}\n`);

  chapter("2. It isn't sure that the answer arrived, and sends the request again");
  const second = await sales.createLicense(request, idempotencyKey);
  if (!second.replayed || second.body.operation.id !== operation.id) {
    throw new CliError("DEMO_NOT_IDEMPOTENT", "The repeated request was taken for a new one.", "Report it.");
  }
  tell(
    `   ${second.status} in ${second.milliseconds} ms: the same license, the same operation (Idempotency-Replayed: true)\n`,
  );

  chapter("3. A worker makes the tenant");
  await watchToTheEnd(context, sales, operation.id);

  chapter("4. The new administrator signs in");
  const signedIn = await sales.signIn(license.key, ADMIN, request.adminPassword);
  tell(`   POST /v1/sessions: ${signedIn.status}, valid until ${signedIn.body.expiresAt}\n`);
  const session = await sales.session(signedIn.body.token);
  const { user } = session.body;
  tell(
    `   GET /v1/session: ${session.status}, ${printable(user.username)} (${printable(user.fullName ?? "")}), ${user.isAdmin ? "administrator" : "no administrator"} of ${session.body.tenant.schema}\n`,
  );
  await sales.signOut(signedIn.body.token);

  chapter("5. What the tenant holds, read through withTenant");
  const contents = await tenantContents(installation.ctx, license.key);
  const filled = contents.tables.filter(({ rows }) => rows > 0);
  const empty = contents.tables.length - filled.length;
  tell(
    formatPairs(
      filled.map(({ name, rows }) => [name, count(rows, "row", "rows")] as const),
      "   ",
    ),
  );
  tell(`   and ${count(empty, "table", "tables")} ready to be filled: ${emptyNames(contents.tables)}\n\n`);
  tell(
    formatTable(
      [
        { title: "   ACCOUNT", cell: ({ code }) => `   ${code}` },
        { title: "ENGLISH", cell: ({ name_en }) => printable(name_en ?? "") },
        { title: "ARABIC", cell: ({ name }) => printable(name) },
      ],
      contents.accounts,
    ),
  );
  const rowsOf = (table: string): number => contents.tables.find(({ name }) => name === table)?.rows ?? 0;
  return {
    licenseKey: license.key,
    schema: tenant.schema,
    tables: contents.tables.length,
    roles: rowsOf("roles"),
    branches: rowsOf("branches"),
    admins: contents.admins,
    accounts: rowsOf("accounts"),
  };
}

async function watchToTheEnd({ terminal }: CommandContext, sales: SalesSystem, id: string): Promise<void> {
  let last: Operation | undefined;
  let shown = "";
  for await (const operation of sales.watch(id)) {
    last = operation;
    const text = `   ${progressText(operation.progress, terminal.progressIsTty)}`;
    if (text !== shown) terminal.status(text);
    shown = text;
  }
  // The last state stays where it can be read again.
  if (terminal.progressIsTty) terminal.note(shown);
  if (last?.state === "succeeded") return;
  const how =
    last !== undefined && isFinished(last.state) ? last.state : "not finished when its events ended";
  throw new CliError(
    "DEMO_OPERATION_FAILED",
    `Operation ${id} is ${how}${last?.error === undefined ? "" : `: ${last.error.code}: ${last.error.detail}`}`,
    last?.error?.hint ?? `See \`tenantry operation show ${id}\`.`,
  );
}

const NAMES_SHOWN = 8;

function emptyNames(tables: readonly { readonly name: string; readonly rows: number }[]): string {
  const names = tables.filter(({ rows }) => rows === 0).map(({ name }) => name);
  return `${names.slice(0, NAMES_SHOWN).join(", ")}${names.length > NAMES_SHOWN ? ", …" : ""}`;
}
