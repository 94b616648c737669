import pg from "pg";

/** One query as its sender saw it. */
export interface QuerySpan {
  /** `application_name` of the connection. */
  readonly application: string;
  readonly text: string;
  readonly ms: number;
}

type Query = (...args: unknown[]) => unknown;

/**
 * Notes how long each query takes that any connection of this process sends, until the returned function is called, which
 * hands the notes over. It costs time itself: not for the pass that rates are taken from.
 */
export function watchQueries(): () => QuerySpan[] {
  const spans: QuerySpan[] = [];
  const original = pg.Client.prototype.query as Query;
  function watched(this: pg.Client, ...args: unknown[]): unknown {
    const begun = performance.now();
    const application = applicationName(this);
    const note = (): void => {
      spans.push({ application, text: queryText(args[0]), ms: performance.now() - begun });
    };
    const last = args.at(-1);
    if (typeof last === "function") {
      args[args.length - 1] = (...answer: unknown[]) => {
        note();
        return last(...answer);
      };
      return original.apply(this, args);
    }
    const answer = original.apply(this, args);
    if (answer instanceof Promise) answer.then(note, note);
    return answer;
  }
  pg.Client.prototype.query = watched as typeof pg.Client.prototype.query;
  return () => {
    pg.Client.prototype.query = original as typeof pg.Client.prototype.query;
    return spans;
  };
}

function applicationName(client: pg.Client): string {
  const parameters: unknown = Reflect.get(client, "connectionParameters");
  const name = parameters instanceof Object ? Reflect.get(parameters, "application_name") : undefined;
  return typeof name === "string" ? name : "";
}

function queryText(query: unknown): string {
  if (typeof query === "string") return query;
  const text = query instanceof Object ? Reflect.get(query, "text") : undefined;
  return typeof text === "string" ? text : "";
}
