import { CliError } from "../output/describe-problem.ts";

/** Names what keeps the API from listening; any other error as it is. */
export function listenError(error: unknown, host: string, port: number): unknown {
  const code = error instanceof Error ? Reflect.get(error, "code") : undefined;
  switch (code) {
    case "EADDRINUSE":
      return new CliError(
        "PORT_IN_USE",
        `Something listens on ${host}, port ${port}, already.`,
        "Stop it, or set PORT to another port; PORT=0 takes any that is free.",
        error,
      );
    case "EACCES":
      return new CliError(
        "PORT_FORBIDDEN",
        `This user may not listen on port ${port}.`,
        "Set PORT to 1024 or above.",
        error,
      );
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return new CliError(
        "HOST_UNUSABLE",
        `This machine has no address ${host}.`,
        "Set HOST to one that it has, such as 127.0.0.1 or 0.0.0.0.",
        error,
      );
    default:
      return error;
  }
}
