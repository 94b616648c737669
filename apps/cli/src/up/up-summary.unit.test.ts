import { expect, it } from "vitest";
import { baseUrl } from "./addresses.ts";
import { listenError } from "./listen-error.ts";
import { curlLine, upSummaryText } from "./up-summary.ts";

const URL = "http://127.0.0.1:3000";

it("prints the curl line whole, on a line of its own", () => {
  const curl = curlLine(URL, "tk_abc");
  expect(curl).not.toContain("\n");
  expect(curl).toMatch(
    /^curl -sS -X POST 'http:\/\/127\.0\.0\.1:3000\/v1\/licenses' -H 'Authorization: Bearer tk_abc' -H 'Content-Type: application\/json' -H 'Idempotency-Key: [0-9a-f-]{36}' -d '[^']+'$/,
  );
  const body = JSON.parse(/-d '(.*)'$/.exec(curl)?.[1] ?? "");
  expect(body.adminPassword.length).toBeGreaterThanOrEqual(8);
  const summary = { url: URL, dashboard: { user: "ops", password: "pw", note: "" }, apiKey: "tk_abc", curl };
  expect(upSummaryText(summary, (text) => text).split("\n")).toContain(curl);
});

it("names the address that this machine reaches the API by", () => {
  const at = { address: "", family: "", port: 8080 };
  expect(baseUrl("0.0.0.0", at)).toBe("http://127.0.0.1:8080");
  expect(baseUrl("::", at)).toBe("http://[::1]:8080");
  expect(baseUrl("fe80::1", at)).toBe("http://[fe80::1]:8080");
  expect(baseUrl("localhost", at)).toBe("http://localhost:8080");
});

it("names what keeps the API from listening", () => {
  const withCode = (code: string) => Object.assign(new Error(code), { code });
  expect(listenError(withCode("EADDRINUSE"), "h", 1)).toMatchObject({ code: "PORT_IN_USE" });
  expect(listenError(withCode("EACCES"), "h", 1)).toMatchObject({ code: "PORT_FORBIDDEN" });
  const other = withCode("EOTHER");
  expect(listenError(other, "h", 1)).toBe(other);
});
