import { randomBytes } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import type { Provider } from "../provider.ts";

export interface ErpStory {
  readonly provider: Provider;
  readonly erpUrl: string;
  readonly signal: AbortSignal;
  say(line?: string): void;
}

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of every shape
  readonly body: any;
}

/** So long may it take until a suspension holds, and until it is taken back. Milliseconds. */
const AT_ONCE_MS = 1_000;

/** What the customer and the provider do, and what comes of it. False when anything came otherwise than it should. */
export async function tellErp({ provider, erpUrl, signal, say }: ErpStory): Promise<boolean> {
  let asExpected = true;
  /** Tells one answer, and whether it is the one that was to come. */
  const tell = (what: string, { status, body }: Answer, expected: number, about = ""): void => {
    const good = status === expected;
    asExpected &&= good;
    const told = status < 400 ? about : `${body.code}: ${body.detail}`;
    const line = `   ${what.padEnd(48)} ${status}  ${told}`.trimEnd();
    say(good ? line : `${line}   (expected ${expected})`);
  };
  let token = "";
  const erp = async (method: string, path: string, body?: object): Promise<Answer> => {
    const response = await fetch(erpUrl + path, {
      method,
      signal,
      headers: {
        ...(token !== "" && { authorization: `Bearer ${token}` }),
        ...(body && { "content-type": "application/json" }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  };
  const addUser = (username: string) =>
    erp("POST", "/users", {
      username,
      fullName: username,
      email: `${username}@alnoor.example`,
      password: randomBytes(12).toString("base64url"),
    });

  say("1. The provider sells a license: three users, one branch\n");
  const password = randomBytes(12).toString("base64url");
  const sale = await provider.call("POST", "/v1/licenses", {
    clientName: "Al Noor Trading",
    adminUsername: "admin",
    adminPassword: password,
    licenseType: "trial",
    maxUsers: 3,
    maxBranches: 1,
  });
  const { license, tenant } = sale.body;
  tell("POST /v1/licenses", sale, 201, `${license?.key}, schema ${tenant?.schema}`);
  if (sale.status !== 201) return false;
  const licensePath = `/v1/licenses/${license.key}`;

  say("\n2. Its administrator signs in to the ERP\n");
  tell("GET /users, before", await erp("GET", "/users"), 401);
  const signedIn = await erp("POST", "/sign-in", { licenseKey: license.key, username: "admin", password });
  tell("POST /sign-in", signedIn, 200, `until ${signedIn.body.expiresAt}`);
  token = signedIn.body.token ?? "";
  const users = await erp("GET", "/users");
  tell("GET /users", users, 200, names(users.body, "username"));
  const branches = await erp("GET", "/branches");
  tell("GET /branches", branches, 200, names(branches.body, "code"));

  say("\n3. The customer grows up to the license's limits, and not over them\n");
  tell("POST /users cashier", await addUser("cashier"), 201);
  tell("POST /users storekeeper", await addUser("storekeeper"), 201);
  tell("POST /users accountant", await addUser("accountant"), 409);
  tell("POST /branches SOUTH", await erp("POST", "/branches", { code: "SOUTH", name: "South" }), 409);
  const full = await erp("GET", "/license");
  tell("GET /license", full, 200, usage(full.body));

  say("\n4. The provider raises the limit; it holds at once\n");
  tell(`PATCH ${licensePath}`, await provider.call("PATCH", licensePath, { maxUsers: 4 }), 200, "maxUsers 4");
  tell("POST /users accountant", await addUser("accountant"), 201);
  const raised = await erp("GET", "/license");
  tell("GET /license", raised, 200, usage(raised.body));

  say("\n5. The customer doesn't pay: the provider suspends the license\n");
  const until = async (status: number): Promise<[Answer, number]> => {
    const since = performance.now();
    for (;;) {
      const answer = await erp("GET", "/users");
      const milliseconds = Math.round(performance.now() - since);
      if (answer.status === status || milliseconds > AT_ONCE_MS) {
        asExpected &&= milliseconds <= AT_ONCE_MS;
        return [answer, milliseconds];
      }
      await wait(5);
    }
  };
  tell(
    "POST …/suspend",
    await provider.call("POST", `${licensePath}/suspend`, { reason: "Invoice 17 is open" }),
    200,
  );
  const [suspended, offAfter] = await until(403);
  tell(`GET /users, ${offAfter} ms later`, suspended, 403);
  tell(
    "POST /sign-in",
    await erp("POST", "/sign-in", { licenseKey: license.key, username: "admin", password }),
    403,
  );

  say("\n6. The customer pays: the same session goes on\n");
  tell("POST …/resume", await provider.call("POST", `${licensePath}/resume`), 200);
  const [resumed, onAfter] = await until(200);
  tell(`GET /users, ${onAfter} ms later`, resumed, 200, names(resumed.body, "username"));
  const signedOut = await fetch(`${erpUrl}/sign-out`, {
    method: "POST",
    signal,
    headers: { authorization: `Bearer ${token}` },
  });
  tell("POST /sign-out", { status: signedOut.status, body: {} }, 204);
  const [over, overAfter] = await until(401);
  tell(`GET /users, ${overAfter} ms later`, over, 401);
  return asExpected;
}

function names(rows: unknown, field: string): string {
  return Array.isArray(rows) ? rows.map((row) => String(Reflect.get(row, field))).join(", ") : "";
}

function usage({ users, branches }: Record<string, { used: number; max: number }>): string {
  return `${users?.used} of ${users?.max} users, ${branches?.used} of ${branches?.max} branches`;
}
