import { commandRegistry } from "./command-registry.ts";
import { openTerminal } from "./output/terminal.ts";
import { runCli } from "./run-cli.ts";
import { Shutdown } from "./shutdown.ts";

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
