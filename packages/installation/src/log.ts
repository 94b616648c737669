import { type DestinationStream, type Logger, pino } from "pino";
import type { LogLevel } from "./config.ts";

/** Paths that may carry a secret, wherever in a logged object they stand. */
const SECRET_NAMES = [
  "password",
  "adminPassword",
  "passwordHash",
  "admin_password_hash",
  "token",
  "authorization",
  "cookie",
];

/** A logger that writes JSON lines to stderr and blacks out what must not be read. */
export function createLogger(
  options: { level: LogLevel; name: string },
  destination: DestinationStream = pino.destination(2),
): Logger {
  return pino(
    {
      level: options.level,
      base: { app: options.name },
      redact: {
        paths: [
          ...SECRET_NAMES.flatMap((name) => [name, `*.${name}`]),
          "req.headers.authorization",
          "req.headers.cookie",
          "res.headers['set-cookie']",
        ],
        censor: "[redacted]",
      },
      serializers: { err: loggableError },
    },
    destination,
  );
}

/** What is logged of an error. PostgreSQL's `detail` and `where` quote rows, which may hold a hash or a customer's data. */
function loggableError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  return {
    type: error.name,
    message: error.message,
    code: Reflect.get(error, "code"),
    constraint: Reflect.get(error, "constraint"),
    stack: error.stack,
    ...(error.cause === undefined ? {} : { cause: loggableError(error.cause) }),
  };
}
