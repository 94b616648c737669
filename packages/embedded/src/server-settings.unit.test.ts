import { expect, it } from "vitest";
import { serverSettings, settingsAsOptions } from "./server-settings.ts";

it("the caller's settings win over the defaults, but can't open the server to others", () => {
  const settings = { max_connections: "50", listen_addresses: "*", port: "1", fsync: "on" };
  expect(serverSettings(5544, true, settings)).toMatchObject({
    max_connections: "50",
    fsync: "on",
    full_page_writes: "off",
    listen_addresses: "127.0.0.1",
    port: "5544",
  });
});

it("a server for tests loses no commit when it is killed", () => {
  expect(serverSettings(5544, true, {})).not.toHaveProperty("synchronous_commit");
});

it("a durable server keeps PostgreSQL's own durability", () => {
  expect(serverSettings(5544, false, {})).not.toHaveProperty("fsync");
});

it("quotes settings for the shell that pg_ctl hands them to", () => {
  const settings = { a: "it's", b: "" };
  expect(settingsAsOptions(settings, "linux")).toBe(`-c 'a=it'\\''s' -c 'b='`);
  expect(settingsAsOptions(settings, "win32")).toBe(`-c "a=it's" -c "b="`);
});
