import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { runExample } from "../installation.ts";
import { startProvider } from "../provider.ts";
import { buildNotes } from "./app.ts";

const BLUEPRINT = fileURLToPath(new URL("./blueprint", import.meta.url));

/** `npm run example:notes`: two customers, each with a schema out of `blueprint/`. */
await runExample(
  "notes",
  async ({ installation, signal, say }) => {
    const provider = await startProvider(installation, signal);
    const app = await buildNotes(installation);
    try {
      for (const clientName of ["Ada's Bakery", "Bob & Sons"]) {
        const account = { adminUsername: "admin", adminPassword: randomBytes(12).toString("base64url") };
        const parameters = { welcome: `Welcome, ${clientName}` };
        const order = { clientName, blueprint: "notes-saas", ...account, parameters };
        const { license, tenant } = (await provider.call("POST", "/v1/licenses", order)).body;
        const payload = { licenseKey: license.key, username: "admin", password: account.adminPassword };
        const session = (await app.inject({ method: "POST", url: "/sign-in", payload })).json();
        const headers = { authorization: `Bearer ${session.token}` };
        const note = { body: `Written by ${clientName}` };
        await app.inject({ method: "POST", url: "/notes", headers, payload: note });
        const notes: { body: string }[] = (await app.inject({ url: "/notes", headers })).json();
        say(`${tenant.schema}  ${notes.map(({ body }) => body).join(" | ")}`);
      }
    } finally {
      await app.close();
      await provider.close();
    }
    return true;
  },
  [BLUEPRINT],
);
