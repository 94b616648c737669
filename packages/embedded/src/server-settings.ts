const DEFAULTS: Readonly<Record<string, string>> = {
  max_connections: "500",
  // One tenant's schema holds about 195 locks while it is created or dropped.
  max_locks_per_transaction: "256",
  shared_buffers: "128MB",
  jit: "off",
  log_connections: "off",
  log_disconnections: "off",
  log_checkpoints: "off",
  log_min_messages: "warning",
  // The SQLSTATE, by which a failed start is told apart.
  log_line_prefix: "%m [%p] %e ",
};

// Commits stay synchronous: they cost next to nothing without fsync, and a server that is killed still has them all.
const EPHEMERAL: Readonly<Record<string, string>> = {
  fsync: "off",
  full_page_writes: "off",
};

/** Everything that a server is started with. The caller's settings win over our defaults, not over its shelter. */
export function serverSettings(
  port: number,
  ephemeral: boolean,
  settings: Readonly<Record<string, string>>,
): Record<string, string> {
  return {
    ...DEFAULTS,
    ...(ephemeral ? EPHEMERAL : {}),
    ...settings,
    port: String(port),
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    password_encryption: "scram-sha-256",
  };
}

/** The settings as the text of `pg_ctl --options`, which a shell (or cmd.exe) will take apart again. */
export function settingsAsOptions(
  settings: Readonly<Record<string, string>>,
  platform: NodeJS.Platform = process.platform,
): string {
  const quote = platform === "win32" ? quoteForCmd : quoteForShell;
  return Object.entries(settings)
    .map(([name, value]) => `-c ${quote(`${name}=${value}`)}`)
    .join(" ");
}

function quoteForShell(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function quoteForCmd(text: string): string {
  return `"${text.replaceAll('"', '\\"')}"`;
}
