export { commandRegistry } from "./command-registry.ts";
export { EXIT, type ExitCode } from "./exit-code.ts";
export { runCli } from "./run-cli.ts";
