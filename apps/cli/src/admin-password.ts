import { WrongUse } from "./arguments/wrong-use.ts";
import type { CommandContext } from "./command.ts";
import { askSecret, canAsk, readSecretFromStdin } from "./prompt.ts";
import { Interrupted } from "./shutdown.ts";

const VARIABLE = "TENANTRY_ADMIN_PASSWORD";

/**
 * The new administrator's password: from a pipe when asked to, from the environment, or from whoever sits there.
 *
 * @throws WrongUse when there is no way to get it; Interrupted.
 */
export async function readAdminPassword(
  { terminal, environment, shutdown }: CommandContext,
  username: string,
  fromStdin: boolean,
): Promise<string> {
  if (fromStdin) return readSecretFromStdin();
  const given = environment[VARIABLE];
  if (given !== undefined && given !== "") return given;
  if (!canAsk(terminal)) {
    throw new WrongUse(
      `A password for ${username} is needed.`,
      `Pipe it in with --password-stdin, or set ${VARIABLE}; on a terminal you are asked for it.`,
    );
  }
  for (;;) {
    const password = await askSecret(terminal, `Password for ${username}`, shutdown.signal);
    shutdown.throwIfAsked();
    if (password === null) throw new Interrupted("No password was given: nothing was done.");
    const again = await askSecret(terminal, "Once more", shutdown.signal);
    shutdown.throwIfAsked();
    if (password === again) return password;
    terminal.note("The two differ. Again:");
  }
}
