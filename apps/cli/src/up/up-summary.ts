import { randomBytes, randomUUID } from "node:crypto";
import { formatPairs } from "../output/table.ts";
import type { DashboardLogin } from "./dashboard-login.ts";

export interface UpSummary {
  readonly url: string;
  readonly dashboard: Pick<DashboardLogin, "user" | "password" | "note">;
  readonly apiKey: string;
  readonly curl: string;
}

/** A line for a shell that creates a license: its own Idempotency-Key, so that sending it twice makes one. */
export function curlLine(url: string, apiKey: string): string {
  const body = {
    clientName: "Acme Ltd",
    adminUsername: "admin",
    adminPassword: randomBytes(9).toString("base64url"),
    licenseType: "trial",
  };
  return [
    `curl -sS -X POST '${url}/v1/licenses'`,
    `-H 'Authorization: Bearer ${apiKey}'`,
    "-H 'Content-Type: application/json'",
    `-H 'Idempotency-Key: ${randomUUID()}'`,
    `-d '${JSON.stringify(body)}'`,
  ].join(" ");
}

/** What `up` tells whoever started it. */
export function upSummaryText(
  { url, dashboard, apiKey, curl }: UpSummary,
  bold: (text: string) => string,
): string {
  const pairs: [string, string][] = [
    ["API", url],
    ["Docs", `${url}/docs`],
    ["Dashboard", `${url}/admin/queues`],
    ["  user", dashboard.user],
    ["  password", dashboard.password ?? `(${dashboard.note})`],
    ["API key", apiKey],
  ];
  return [
    bold("Tenantry is up."),
    "",
    formatPairs(pairs, "  "),
    "Create a license:",
    "",
    curl,
    "",
    "Then watch it: npx tenantry operation list",
    "",
  ].join("\n");
}
