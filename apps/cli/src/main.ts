import { enableCompileCache } from "node:module";
import { join } from "node:path";
import { commandRegistry } from "./command-registry.ts";
import { openTerminal } from "./output/terminal.ts";
import { runCli } from "./run-cli.ts";
import { Shutdown } from "./shutdown.ts";

// Half of a command's time is loading TypeScript (docs/adr/0002). Kept beside the code, since whoever may write there may
// change the code as well; the system's temporary folder is everybody's. Where it can't be written nothing is kept.
enableCompileCache(join(import.meta.dirname, "../../../node_modules/.cache/tenantry"));
const terminal = openTerminal(process);
const shutdown = new Shutdown(process, (message) => terminal.note(message));
const code = await runCli(process.argv.slice(2), {
  registry: commandRegistry,
  terminal,
  environment: process.env,
  shutdown,
});
await terminal.flushed();
process.exit(code);
