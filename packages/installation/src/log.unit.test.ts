import { describe, expect, it } from "vitest";
import { createLogger } from "./log.ts";

const SECRET = "s3cret-value";

function logged(write: (log: ReturnType<typeof createLogger>) => void): string {
  const lines: string[] = [];
  write(createLogger({ level: "info", name: "test" }, { write: (line) => void lines.push(line) }));
  expect(lines).toHaveLength(1);
  return lines.join("");
}

describe("the log", () => {
  it.each([
    { password: SECRET },
    { body: { adminPassword: SECRET } },
    { license: { admin_password_hash: SECRET } },
    { token: SECRET },
    { session: { token: SECRET } },
    { req: { headers: { authorization: `Bearer ${SECRET}` } } },
    { req: { headers: { cookie: SECRET } } },
    { res: { headers: { "set-cookie": SECRET } } },
  ])("blacks out what must not be read: %j", (entry) => {
    const line = logged((log) => log.info(entry, "something happened"));
    expect(line).not.toContain(SECRET);
    expect(line).toContain("[redacted]");
  });

  it("keeps an error's name, code and cause, but not the rows that PostgreSQL quotes", () => {
    const cause = Object.assign(new Error("duplicate key"), {
      code: "23505",
      constraint: "users_email_key",
      detail: `Key (email)=(${SECRET}) already exists.`,
      where: SECRET,
      query: `insert … ${SECRET}`,
    });
    const line = logged((log) => log.error({ err: new Error("it failed", { cause }) }, "trouble"));
    expect(line).not.toContain(SECRET);
    const { err } = JSON.parse(line);
    expect(err).toMatchObject({
      message: "it failed",
      cause: { code: "23505", constraint: "users_email_key" },
    });
  });
});
