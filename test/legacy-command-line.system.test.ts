import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { afterAll, describe, expect, it } from "vitest";
import { CLI, runCommand, runCommandProcess, startCommand } from "./support/command-line.ts";
import { createTestDatabase } from "./support/database.ts";
import { DED_PASSWORD, dedSource, NOT_UTF8, plant } from "./support/legacy-files.ts";

const folder = await mkdtemp(join(tmpdir(), "tenantry-legacy-cli-"));

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const { url } = await createTestDatabase();
const ENVIRONMENT = { DATABASE_URL: url, DATA_DIR: join(folder, "data"), PORT: "0" };

/** What streams to stdout needs one of its own. */
function run(...args: readonly string[]) {
  const streams = (args[1] === "report" || args[2] === "export") && !args.includes("--out");
  return streams ? runCommandProcess(args, ENVIRONMENT) : runCommand(args, ENVIRONMENT);
}

/** What would steer a terminal, or turn a line around. */
const UNPRINTABLE = /[^\P{Cc}\n]|\u202e/u;

const KEYS = ["CLI0-0000-0000-0001", "CLI0-0000-0000-0002", "CLI0-0000-0000-0003"] as const;

/** One with data and two rows that can't be imported, one without data, one whose file is no database. */
const source = dedSource({
  licenses: [
    {
      key: KEYS[0],
      row: { client_name: "متجر \u202eالأمل\u001b[31m" },
      file: {
        rows: { products: 4, suppliers: 2 },
        change: (db) => {
          plant(db, "products", 2, { min_price: "ten" });
          plant(db, "suppliers", 1, { name: NOT_UTF8 });
        },
      },
    },
    { key: KEYS[1] },
    { key: KEYS[2], file: {} },
  ],
});
await writeFile(source.path(source.licenses[2]?.file ?? ""), "this is no database");

describe.runIf(process.platform === "linux")("the command line of legacy migrations", () => {
  it("shows a plan of everything, and makes nothing", async () => {
    const { stdout, stderr, code } = await run("migrate-legacy", "ded", source.folder, "--dry-run");
    expect(code, stderr).toBe(3);
    expect(stdout).toMatch(new RegExp(`${KEYS[0]} .* move with its data `));
    expect(stdout).toMatch(new RegExp(`${KEYS[1]} .* get a fresh tenant`));
    expect(stdout).toMatch(new RegExp(`${KEYS[2]} .* not be moved .*SOURCE_INVALID`));
    expect(stdout).toContain("3: 1 would move with data, 1 would get a fresh tenant, 1 could not be moved");
    expect(stdout, "what a name holds can't steer a terminal").not.toMatch(UNPRINTABLE);
    const licenses = JSON.parse((await run("license", "list", "--json")).stdout);
    expect(licenses.items).toEqual([]);
  });

  let id = "";

  const file = join(folder, "rows.jsonl");

  it("moves what can be moved, says what failed, writes a report for its owner's eyes, and ends with 3", async () => {
    const report = join(folder, "moved.json");
    const { stdout, stderr, code } = await run("migrate-legacy", "ded", source.folder, "--report", report);
    expect(code, stderr).toBe(3);
    id = /^Run +(\S+)$/m.exec(stdout)?.[1] ?? "";
    expect(stderr).toContain(`Run ${id}`);
    expect(stderr, "the plan comes first").toMatch(new RegExp(`${KEYS[0]} .* move with its data`));
    expect(stderr).toMatch(new RegExp(`^${KEYS[2]}: SOURCE_INVALID`, "m"));
    expect(stderr).toContain(`tenantry migrate-legacy quarantine show ${id}`);
    expect(stderr).toContain(`tenantry operation retry ${id}`);
    expect(stdout).toContain("3: 1 moved with data, 1 got a fresh tenant, 1 failed");
    expect(stdout).toContain("2 in quarantine");
    expect(stdout + stderr).not.toMatch(/scrypt:|pbkdf2:|argon2id/);
    expect(stdout + stderr).not.toMatch(UNPRINTABLE);
    const written = JSON.parse(await readFile(report, "utf8"));
    expect(written).toMatchObject({ id, system: "ded", source: source.folder });
    expect(await readFile(join(folder, "moved.html"), "utf8")).toContain("<bdi>متجر \\u{202e}الأمل");
    for (const file of ["moved.json", "moved.html"]) {
      expect((await stat(join(folder, file))).mode & 0o777).toBe(0o600);
    }
  });

  it("shows it afterwards, as text and as JSON, and refuses an operation that is none", async () => {
    const shown = await run("migrate-legacy", "status", id);
    expect(shown.code, shown.stderr).toBe(0);
    expect(shown.stdout).toMatch(new RegExp(`${KEYS[0]} .* succeeded +moved `));
    const json = JSON.parse((await run("migrate-legacy", "status", id, "--json")).stdout);
    expect(json.figures.licenses).toMatchObject({ total: 3, succeeded: 2, failed: 1 });
    expect(json.items).toHaveLength(3);
    const child = json.items[0].operationId;
    expect((await run("migrate-legacy", "status", child)).stderr).toContain("OPERATION_NOT_FOUND");
  });

  it("shows quarantined rows, and exports them to a file that nobody else may read", async () => {
    const shown = await run("migrate-legacy", "quarantine", "show", id);
    expect(shown.stdout).toMatch(/products +2 +min_price +'ten' +not-readable/);
    expect(shown.stdout).toMatch(/suppliers +1 +name .* not-utf8/);
    const exported = await run("migrate-legacy", "quarantine", "export", id, "--out", file);
    expect(exported.code, exported.stderr).toBe(0);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const twice = await run("migrate-legacy", "quarantine", "export", id, "--out", file);
    expect(twice.code, "somebody's corrections are not overwritten").toBe(2);
    const piped = await run("migrate-legacy", "quarantine", "export", id);
    expect(piped.stdout).toBe(await readFile(file, "utf8"));
  });

  it("takes rows back corrected, keeps those that are still wrong, and sets them aside", async () => {
    const rows = (await readFile(file, "utf8"))
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    const product = rows.find(({ table }) => table === "products");
    product.row.min_price = 10;
    await writeFile(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    const retried = await run("migrate-legacy", "quarantine", "retry", id, file);
    expect(retried.code, retried.stderr).toBe(3);
    expect(retried.stdout).toContain("1 row imported, 1 still in quarantine.");
    expect(retried.stdout).toContain("not-utf8");

    const unasked = await run("migrate-legacy", "quarantine", "dismiss", id, "--table", "suppliers");
    expect(unasked.code).toBe(2);
    const dismissed = await run(
      ..."migrate-legacy quarantine dismiss".split(" "),
      id,
      "--table",
      "suppliers",
      "--yes",
    );
    expect(dismissed.stdout).toBe("1 row set aside.\n");
    const states = JSON.parse(
      (await run("migrate-legacy", "quarantine", "show", id, "--state", "dismissed", "--json")).stdout,
    );
    expect(states.items).toHaveLength(1);
  });

  it("writes the report again, to a file or to stdout", async () => {
    const written = await run("migrate-legacy", "report", id, "--out", join(folder, "later.html"));
    expect(written.code, written.stderr).toBe(0);
    expect(existsSync(join(folder, "later.html")) && existsSync(join(folder, "later.json"))).toBe(true);
    const json = JSON.parse((await run("migrate-legacy", "report", id, "--json")).stdout);
    expect(json.licenses).toHaveLength(3);
  });

  it("does the failed one again when its file is mended, and only that", async () => {
    const [, , third] = source.licenses;
    const broken = source.path(third?.file ?? "");
    await rm(broken);
    const whole = dedSource({ licenses: [{ key: KEYS[2], file: { rows: { products: 1 } } }] });
    await writeFile(broken, await readFile(whole.path(whole.licenses[0]?.file ?? "")));
    const retried = await run("operation", "retry", id);
    expect(retried.code, retried.stderr).toBe(0);
    const { figures, items } = JSON.parse((await run("migrate-legacy", "status", id, "--json")).stdout);
    expect(figures.licenses).toMatchObject({ succeeded: 3, failed: 0 });
    expect(items[2]).toMatchObject({ licenseKey: KEYS[2], outcome: "imported" });
  });

  it("leaves what is there: a second run moves nothing, and ends with 0", async () => {
    const again = await run("migrate-legacy", "ded", source.folder, "--json");
    expect(again.code, again.stderr).toBe(0);
    expect(JSON.parse(again.stdout).figures.outcomes).toEqual({ imported: 0, created: 0, skipped: 3 });
    const failing = await run("migrate-legacy", "ded", source.folder, "--on-existing", "fail");
    expect(failing.code).toBe(1);
  });

  it("lets a running `tenantry up` do it, and the user signs in there", async () => {
    const up = startCommand(["up"], ENVIRONMENT);
    const lines = createInterface({ input: up.stdout });
    const url = await new Promise<string>((resolve, reject) => {
      lines.on("line", (line) => {
        const found = /(http:\/\/127\.0\.0\.1:\d+)/.exec(line);
        if (found?.[1] !== undefined) resolve(found[1]);
      });
      up.once("exit", () => reject(new Error("up ended")));
    });
    up.stderr.resume();
    try {
      const key = "CLI0-0000-0000-0009";
      const more = dedSource({ licenses: [{ key, file: { rows: { products: 2 } } }] });
      const { stdout, code, stderr } = await run("migrate-legacy", "ded", more.folder, "--no-wait");
      expect(code, stderr).toBe(0);
      const watched = await run("operation", "watch", stdout.trim());
      expect(watched.code, watched.stderr).toBe(0);
      const answer = await fetch(`${url}/v1/sessions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ licenseKey: key, username: "owner", password: DED_PASSWORD }),
      });
      expect(answer.status, await answer.text()).toBe(201);
    } finally {
      up.kill("SIGTERM");
      await once(up, "exit");
    }
  });

  it("ends in good order when it is interrupted, and goes on with what isn't there yet", async () => {
    const licenses = Array.from({ length: 16 }, (_, n) => ({
      key: `STOP-0000-0000-${String(n).padStart(4, "0")}`,
    }));
    const child = startCommand(["migrate-legacy", "ded", dedSource({ licenses }).folder], {
      ...ENVIRONMENT,
      // Else they might all be under way by then, and would all be finished.
      WORKER_CONCURRENCY: "1",
    });
    const stdout = text(child.stdout);
    for await (const line of createInterface({ input: child.stderr })) {
      if (line.includes("16 would get a fresh tenant")) child.kill("SIGINT");
    }
    const interrupted = /^Run +(\S+)$/m.exec(await stdout)?.[1] ?? "";
    expect(child.exitCode ?? (await once(child, "exit"))[0]).toBe(3);
    const watched = await run("operation", "watch", interrupted, "--json");
    expect(watched.code, watched.stderr).toBe(0);
    const last = JSON.parse(watched.stdout.trimEnd().split("\n").at(-1) ?? "");
    expect(last.children).toMatchObject({ total: 16, succeeded: 16 });
  });

  const wrong: [readonly string[], number, string][] = [
    [["ded"], 2, "PATH is missing"],
    [["quarantine"], 2, "show, export, retry, dismiss"],
    [["dad", "x"], 2, "Did you mean `tenantry migrate-legacy ded`?"],
    [["ded", join(folder, "nowhere")], 1, "SOURCE_NOT_FOUND"],
    [["ded", CLI], 1, "SOURCE_NOT_FOUND"],
    [["ded", source.folder, "--report", join(folder, "no", "such.json")], 2, "ENOENT"],
    [["ded", source.folder, "--report", "x.json", "--no-wait"], 2, "--no-wait"],
    [["ded", source.folder, "--on-existing", "overwrite"], 2, "skip, fail"],
    [["ded", source.folder, "--time-zone", "Mars/Base"], 2, "--time-zone"],
    [["ded", source.folder, "--license", "NONE-SUCH"], 1, "LICENSE_NOT_FOUND"],
    [["from", "dad", source.folder], 2, "SYSTEM must be one of"],
    [["report", "RUN"], 2, "--out"],
    [["status", "nonsense"], 1, "OPERATION_NOT_FOUND"],
    [["quarantine", "dismiss", "RUN", "--yes"], 2, "--all"],
    [["quarantine", "show", "RUN", "--state", "gone"], 2, "open, imported, dismissed"],
  ];
  it.each(wrong)("ends %j with %d", async (args, expected, told) => {
    const { code, stdout, stderr } = await run("migrate-legacy", ...args);
    expect(code, stderr).toBe(expected);
    expect(stdout + stderr).toContain(told);
  });

  it("tells the lines of a corrected file that can't be read, and imports none of them", async () => {
    const bad = join(folder, "bad.jsonl");
    await writeFile(bad, '{"id":"1","row":{"a":true}}\n{"row":{}}\n');
    const { code, stderr } = await run("migrate-legacy", "quarantine", "retry", id, bad);
    expect(code).toBe(2);
    expect(stderr).toContain("row 1: /row/a must be a number");
    expect(stderr).toContain("row 2: /id is required");
  });
});
