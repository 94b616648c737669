import { createServer } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { answers, freePort, isPortTaken, isServerOf, parsePidFile } from "./postmaster.ts";

describe("postmaster.pid", () => {
  it("tells pid, port and status", () => {
    const text = "4711\n/data/postgres\n1764000000\n5544\n\n127.0.0.1\n  1234567     32771\nready   \n";
    expect(parsePidFile(text)).toEqual({ pid: 4711, port: 5544, status: "ready" });
  });

  it("has no status early in a start", () => {
    expect(parsePidFile("4711\n/data/postgres\n1764000000\n5544\n\n")).toMatchObject({ status: "" });
  });

  it("that is empty or cut off tells of no server", () => {
    for (const text of ["", "\n", "47", "x\n\n\n1\n"]) expect(parsePidFile(text)).toBeUndefined();
  });
});

describe("a process", () => {
  it.each([
    ["postgres -D /data/postgres -c port=1", true],
    ["postgres -D /data/postgres", true],
    ["postgres -D /data/postgres2 -c port=1", false],
    ["postgres -D /other/data/postgres -c port=1", false],
    ["postgres: checkpointer /data/postgres", false],
    ["tail -f /data/postgres", false],
  ])("%s is our server: %s", (command, expected) => {
    expect(isServerOf("/data/postgres", command)).toBe(expected);
  });
});

describe("a port", () => {
  it("of something that isn't PostgreSQL does not answer as PostgreSQL", async () => {
    const port = await freePort();
    expect(await isPortTaken(port)).toBe(false);
    const server = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    onTestFinished(() => void server.close());
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    expect(await isPortTaken(port)).toBe(true);
    expect(await answers(port)).toBe(false);
  });

  it("where nobody listens does not answer", async () => {
    expect(await answers(await freePort())).toBe(false);
  });
});
