import { WrongUse } from "./arguments/wrong-use.ts";
import type { CommandContext } from "./command.ts";
import { askSecret, canAsk, readSecretFromStdin } from "./prompt.ts";
import { Interrupted } from "./shutdown.ts";

const VARIABLE = "TENANTRY_PLACEMENT_URL";

/**
 * A PostgreSQL server's URL, which may hold a password: from a pipe when asked to, from the environment, or from whoever
 * sits there.
 *
 * @throws WrongUse when there is no way to get it; Interrupted.
 */
export async function readPlacementUrl(
  { terminal, environment, shutdown }: CommandContext,
  fromStdin: boolean,
): Promise<string> {
  if (fromStdin) return readSecretFromStdin();
  const given = environment[VARIABLE];
  if (given !== undefined && given !== "") return given;
  if (!canAsk(terminal)) {
    throw new WrongUse(
      "The server's URL is needed.",
      `Pipe it in with --url-stdin, or set ${VARIABLE}; on a terminal you are asked for it.`,
    );
  }
  const url = await askSecret(terminal, "URL of the server (postgres://…)", shutdown.signal);
  if (url === null) throw new Interrupted("No URL was given: nothing was done.");
  return url;
}
