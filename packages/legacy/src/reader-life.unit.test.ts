import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import type { ImportEvent } from "@tenantry/schema";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import {
  copiedLines,
  describedImport,
  isRunning,
  makeFile,
  makeRoot,
  manyRows,
  openReaders,
  readerPids,
} from "./testing/sources.ts";

vi.setConfig({ testTimeout: 180_000 });

/** Reads an import's first event; the reader then waits for room in the pipe. */
async function begun(events: AsyncIterable<ImportEvent>): Promise<AsyncIterator<ImportEvent>> {
  const iterator = events[Symbol.asyncIterator]();
  expect((await iterator.next()).value).toMatchObject({ kind: "rows" });
  return iterator;
}

async function readToEnd(iterator: AsyncIterator<ImportEvent>): Promise<void> {
  while (!(await iterator.next()).done);
}

const lost = { name: "SourceError", code: "READER_LOST", file: "a.db" };

describe("a reader", () => {
  it("that is killed in the middle is told as such, and the next one does the work", async () => {
    const root = makeRoot();
    makeFile(root, "a.db", manyRows(100_000));
    const readers = openReaders({ max: 1 });
    const events = await begun(await describedImport(readers, root, "a.db"));
    const [pid = 0] = readerPids();
    process.kill(pid, "SIGKILL");
    await expect(readToEnd(events)).rejects.toMatchObject({
      ...lost,
      message: "The process that read the file ended in the middle (SIGKILL).",
    });
    const lines = await copiedLines(await describedImport(readers, root, "a.db"));
    expect(lines).toHaveLength(100_000);
  });

  it("that is killed while it has nothing to do is replaced without anybody's notice", async () => {
    const root = makeRoot();
    makeFile(root, "a.db", manyRows(10));
    const readers = openReaders({ max: 1 });
    await readers.describe(root, "a.db");
    const [pid = 0] = readerPids();
    process.kill(pid, "SIGKILL");
    await vi.waitFor(() => expect(isRunning(pid)).toBe(false), { timeout: 60_000 });
    expect((await readers.describe(root, "a.db")).tables).toMatchObject([{ rows: 10 }]);
  });

  it("that nobody has work for any more ends, and is started again when somebody has", async () => {
    const root = makeRoot();
    makeFile(root, "a.db", manyRows(10));
    const readers = openReaders({ max: 1, idleMs: 50 });
    await readers.describe(root, "a.db");
    const [pid = 0] = readerPids();
    await vi.waitFor(() => expect(isRunning(pid)).toBe(false), { timeout: 60_000 });
    expect((await readers.describe(root, "a.db")).tables).toMatchObject([{ rows: 10 }]);
  });

  it("that says nothing any more is killed, however long its receiver took before", async () => {
    const root = makeRoot();
    makeFile(root, "a.db", manyRows(100_000));
    const readers = openReaders({ stallMs: 4000 });
    const events = await begun(await describedImport(readers, root, "a.db"));
    const [pid = 0] = readerPids();
    await new Promise((resolve) => setTimeout(resolve, 6000));
    await events.next();
    process.kill(pid, "SIGSTOP");
    await expect(readToEnd(events)).rejects.toMatchObject({
      code: "SOURCE_INVALID",
      message: expect.stringMatching(/said nothing for \d+ s, and was stopped/),
    });
    expect(isRunning(pid)).toBe(false);
  });

  it("that takes longer than it may is killed", async () => {
    const root = makeRoot();
    makeFile(root, "a.db", manyRows(100_000));
    const description = await openReaders().describe(root, "a.db");
    const readers = openReaders({ maxSeconds: 0.01 });
    await expect(readers.describe(root, "a.db")).rejects.toMatchObject({
      code: "SOURCE_INVALID",
      message: expect.stringMatching(/took longer/),
    });
    expect(description.tables).toHaveLength(1);
  });

  it("stops when its receiver has seen enough", async () => {
    const root = makeRoot();
    makeFile(root, "a.db", manyRows(100_000));
    const readers = openReaders({ max: 1 });
    let pid = 0;
    for await (const event of await describedImport(readers, root, "a.db")) {
      [pid = 0] = readerPids();
      if (event.kind === "rows") break;
    }
    expect(pid).toBeGreaterThan(0);
    expect(isRunning(pid)).toBe(false);
    expect((await readers.describe(root, "a.db")).tables).toHaveLength(1);
  });

  it("stops at a signal, at work or in the queue, with the signal's reason", async () => {
    const root = makeRoot();
    makeFile(root, "a.db", manyRows(100_000));
    const readers = openReaders({ max: 1 });
    const stop = new AbortController();
    const events = await begun(await describedImport(readers, root, "a.db", stop.signal));
    const [pid = 0] = readerPids();
    const waiting = readers.describe(root, "a.db", stop.signal);
    const reason = new Error("enough");
    stop.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(readToEnd(events)).rejects.toBe(reason);
    await expect(readers.describe(root, "a.db", stop.signal)).rejects.toBe(reason);
    expect(isRunning(pid)).toBe(false);
    expect((await readers.describe(root, "a.db")).tables).toHaveLength(1);
  });

  it("is used again for the next files, for two hundred of them", async () => {
    const root = makeRoot();
    makeFile(root, "a.db", manyRows(1));
    const readers = openReaders({ max: 1 });
    const pids = new Set<number>();
    for (let file = 0; file < 201; file++) {
      await readers.describe(root, "a.db");
      if (file === 0 || file === 199 || file === 200) for (const pid of readerPids()) pids.add(pid);
    }
    // The last one was new, and the first one had gone by then.
    expect(pids.size).toBe(2);
    expect(readerPids()).toHaveLength(1);
  });

  it("reads one source's files alone: another gets another", async () => {
    const [one, other] = [makeRoot(), makeRoot()];
    for (const root of [one, other]) makeFile(root, "a.db", manyRows(1));
    const readers = openReaders({ max: 1 });
    await readers.describe(one, "a.db");
    const [first] = readerPids();
    await readers.describe(other, "a.db");
    const [second, ...others] = readerPids();
    expect(others).toEqual([]);
    expect(second).not.toBe(first);
  });

  it("doesn't come in numbers, however many ask", async () => {
    const root = makeRoot();
    makeFile(root, "a.db", manyRows(2000));
    const readers = openReaders({ max: 2 });
    let most = 0;
    const descriptions = Array.from({ length: 20 }, async () => {
      const description = await readers.describe(root, "a.db");
      most = Math.max(most, readerPids().length);
      return description;
    });
    expect(await Promise.all(descriptions)).toHaveLength(20);
    expect(most).toBeLessThanOrEqual(2);
  });

  it("has none of our environment, and no right to open anything but its source", async () => {
    const root = makeRoot();
    makeFile(root, "a.db", manyRows(1));
    process.env.TENANTRY_TEST_SECRET = "s3cret";
    onTestFinished(() => void delete process.env.TENANTRY_TEST_SECRET);
    await openReaders({ max: 1 }).describe(root, "a.db");
    const [pid = 0] = readerPids();
    expect(readFileSync(`/proc/${pid}/environ`, "utf8")).toBe("");
    const args = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    expect(args).toContain("--permission");
    expect(args).toContain(`--allow-fs-read=${root}`);
    expect(args.filter((arg) => /allow-(?:child|worker|addons|wasi|net)/.test(arg))).toEqual([]);
  });
});

describe("memory", () => {
  it("stays flat while a large file is read, and the reader waits for a slow receiver", async () => {
    const root = makeRoot();
    makeFile(root, "a.db", manyRows(50_000, 2000));
    const events = await begun(await describedImport(openReaders(), root, "a.db"));
    const [pid = 0] = readerPids();
    const memory = (name: string) =>
      Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) /
      1024;
    const before = process.memoryUsage.rss();
    let bytes = 0;
    let peakMb = 0;
    for (let next = await events.next(); !next.done; next = await events.next()) {
      if (next.value.kind === "rows") bytes += next.value.text.length;
      // Its highest so far, as the system keeps it.
      peakMb = Math.max(peakMb, isRunning(pid) ? memory("VmHWM") : 0);
    }
    expect(bytes).toBeGreaterThan(95_000_000);
    expect(peakMb).toBeGreaterThan(30);
    expect(peakMb).toBeLessThan(200);
    expect((process.memoryUsage.rss() - before) / 2 ** 20).toBeLessThan(150);
  });
});

describe("the end of readers", () => {
  it("comes with `close`, whatever they do, and nobody gets a new one", async () => {
    const root = makeRoot();
    makeFile(root, "a.db", manyRows(100_000));
    const readers = openReaders({ max: 2 });
    const events = await begun(await describedImport(readers, root, "a.db"));
    await readers.describe(root, "a.db");
    const stream = await describedImport(readers, root, "a.db");
    const second = await begun(stream);
    const waiting = readers.describe(root, "a.db");
    const pids = readerPids();
    expect(pids).toHaveLength(2);
    const refused = expect(waiting).rejects.toThrow(/closed/);
    await readers.close();
    await refused;
    expect(pids.filter(isRunning)).toEqual([]);
    for (const broken of [events, second]) await expect(readToEnd(broken)).rejects.toMatchObject(lost);
    await expect(readers.describe(root, "a.db")).rejects.toThrow(/closed/);
    await readers.close();
  });

  /** A process of its own that reads a file, and says when it is in the middle. */
  function startParent(root: string, then: string): ChildProcess {
    const source = pathToFileURL(`${import.meta.dirname}/testing/sources.ts`).href.replace(
      "testing/sources.ts",
      "index.ts",
    );
    const program = `
      import { SourceReaders } from ${JSON.stringify(source)};
      const root = ${JSON.stringify(root)};
      const readers = new SourceReaders({ max: 2, temporaryDirectory: root + "/.." });
      const { sha256, tables } = await readers.describe(root, "a.db");
      const columns = tables[0].columns.map(({ name }) => ({ source: name, target: name, value: { kind: "anything" }, whenNull: { kind: "null" }, summed: false }));
      const plan = { tables: [{ source: "items", target: "items", extra: true, columns, key: null, unique: [], references: [], owner: null, secrets: [] }] };
      ${then}`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    return child;
  }

  it("comes with their parent's, however that ends", async () => {
    const root = makeRoot();
    makeFile(root, "a.db", manyRows(100_000));
    const parent = startParent(
      root,
      `const events = readers.openImport({ root, file: "a.db", sha256, plan })([])[Symbol.asyncIterator]();
       await events.next();
       await readers.describe(root, "a.db");
       process.stdout.write("ready");
       setInterval(() => {}, 1000);`,
    );
    await once(parent.stdout as NonNullable<typeof parent.stdout>, "data");
    const pids = readerPids(parent.pid);
    // One in the middle of its work, one that waits for some.
    expect(pids).toHaveLength(2);
    parent.kill("SIGKILL");
    await once(parent, "exit");
    await vi.waitFor(() => expect(pids.filter(isRunning)).toEqual([]), { timeout: 60_000 });
    // They tidied up after themselves, too.
    await vi.waitFor(() => expect(privateFolders(root)).toEqual([]), { timeout: 60_000 });
  });

  it("doesn't keep their parent from ending", async () => {
    const root = makeRoot();
    makeFile(root, "a.db", manyRows(10));
    const parent = startParent(root, 'process.stdout.write("ready")');
    const [code] = await once(parent, "exit");
    expect(code).toBe(0);
    await vi.waitFor(() => expect(privateFolders(root)).toEqual([]), { timeout: 60_000 });
  });

  function privateFolders(root: string): string[] {
    return readdirSync(`${root}/..`).filter((name) => name.startsWith("tenantry-reader-"));
  }
});
