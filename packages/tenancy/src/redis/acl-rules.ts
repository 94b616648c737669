import { createHash } from "node:crypto";

/** What `aclRules` has to know. */
export interface AclUser {
  readonly keyPrefix: string;
  readonly password: string;
  /** The database that the tenant's keys are in. */
  readonly database: number;
}

/**
 * Commands whose keys Redis checks against the user's pattern come by category, then whatever is dangerous in any other
 * way goes again. What names no key is allowed one by one: Redis filters neither the answers of SCAN, KEYS and PUBSUB
 * CHANNELS nor what CLIENT TRACKING tells of others' keys. A test asks the server for every command it has.
 */
const COMMANDS = [
  "-@all",
  "+@read",
  "+@write",
  "+@transaction",
  "+@scripting",
  "+publish",
  "+subscribe",
  "+psubscribe",
  "+unsubscribe",
  "+punsubscribe",
  "+spublish",
  "+ssubscribe",
  "+sunsubscribe",
  "+ping",
  "+echo",
  "+time",
  "+client|id",
  "+client|getname",
  "+client|setname",
  "-@admin",
  "-@dangerous",
  // Names of others' keys, or how many there are.
  "-scan",
  "-randomkey",
  "-dbsize",
  // To another database, where the tenant's deletion doesn't look.
  "-select",
  "-swapdb",
  "-move",
  "-copy",
  // The server's scripts and functions are everybody's.
  "-script",
  "+script|load",
  "+script|exists",
  "-function",
  "-fcall",
  "-fcall_ro",
];

/** The rules of a tenant's ACL user, for `ACL SETUSER`: all that it may do, whatever it could do before. */
export function aclRules({ keyPrefix, password, database }: AclUser): string[] {
  const pattern = `${globLiteral(keyPrefix)}*`;
  return [
    "reset",
    "on",
    // Hashed, so that it stands in no MONITOR and no slow log.
    `#${createHash("sha256").update(password).digest("hex")}`,
    `~${pattern}`,
    // Redis 6.2's default is every channel.
    "resetchannels",
    `&${pattern}`,
    ...COMMANDS,
    ...(database === 0 ? [] : [`+select|${database}`]),
  ];
}

/** Text that a glob-style pattern of Redis matches as it stands. */
export function globLiteral(text: string): string {
  return text.replace(/[\\*?[\]^-]/g, "\\$&");
}
