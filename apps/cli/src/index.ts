export { commandRegistry } from "./command-registry.ts";
export { EXIT, type ExitCode } from "./exit-code.ts";
export {
  type LocalInstallation,
  type LocalInstallationOptions,
  openLocalInstallation,
} from "./local-installation.ts";
export { printProblem } from "./output/print-problem.ts";
export { openTerminal, type Terminal } from "./output/terminal.ts";
export { runCli } from "./run-cli.ts";
export { Shutdown } from "./shutdown.ts";
