import { count } from "../output/license-text.ts";

/** What the demonstration found, queried after the fact. */
export interface DemoFacts {
  readonly licenseKey: string;
  readonly schema: string;
  readonly tables: number;
  readonly roles: number;
  readonly branches: number;
  readonly admins: number;
  readonly accounts: number;
}

/** The last lines of `npm run demo`. Scripts read them: their form is part of the outside contract. */
export function contractSummary(facts: DemoFacts): string {
  const defaults = [
    count(facts.roles, "role", "roles"),
    count(facts.branches, "branch", "branches"),
    count(facts.admins, "admin", "admins"),
    count(facts.accounts, "account", "accounts"),
  ];
  return [
    "License created successfully!",
    `License Key:      ${facts.licenseKey}`,
    `Tenant Database:  Created (schema ${facts.schema}, ${count(facts.tables, "table", "tables")})`,
    `Default Data:     Initialized (${defaults.join(", ")})`,
    "Login:            admin signed in",
    "",
  ].join("\n");
}
