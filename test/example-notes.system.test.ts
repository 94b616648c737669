import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";

const EXAMPLE = fileURLToPath(new URL("../examples/notes-saas", import.meta.url));
const dataDir = await mkdtemp(join(tmpdir(), "tenantry-notes-"));

afterAll(() => rm(dataDir, { recursive: true, force: true }));

describe("the notes example", () => {
  it("tells its story with nothing running", async () => {
    const child = spawn(process.execPath, [join(EXAMPLE, "main.ts")], {
      env: { PATH: process.env.PATH, HOME: process.env.HOME, DATA_DIR: dataDir, NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, "exit"),
    ]);
    expect(code, stdout + stderr).toBe(0);
    expect(stdout.split("\n").map((line) => line.replace(/^tenant_\w+/, "tenant"))).toEqual([
      "tenant  Welcome, Ada's Bakery | Written by Ada's Bakery",
      "tenant  Welcome, Bob & Sons | Written by Bob & Sons",
      "",
    ]);
  });

  it("is a blueprint and an application in less than 60 lines", async () => {
    const blueprint = (await readdir(join(EXAMPLE, "blueprint"))).map((name) => join("blueprint", name));
    const texts = await Promise.all(
      [...blueprint, "app.ts"].map((name) => readFile(join(EXAMPLE, name), "utf8")),
    );
    const lines = texts.flatMap((each) => each.trimEnd().split("\n"));
    expect(lines.length).toBeLessThan(60);
  });
});
