import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from "kysely";
import { quoteLiteral } from "../identifier.ts";
import type { AnyKysely } from "./define.ts";
import { BlueprintError } from "./errors.ts";

/**
 * Runs `work` against a Kysely that executes nothing, and returns the statements it would have executed, in order,
 * with every parameter written into the text as a literal.
 *
 * There is no database behind it, so work that needs an answer to go on (reads rows, a count of affected rows, the
 * catalog) can't be recorded. It may still send statements whose answer it doesn't look at.
 *
 * @throws BlueprintError when the work looks at an answer, even if it swallowed the error of the first look.
 */
export async function recordStatements(work: (db: AnyKysely) => Promise<void>): Promise<string[]> {
  const recording = new Recording();
  const db: AnyKysely = new Kysely({ dialect: recording.dialect() });
  try {
    await work(db);
  } catch (error) {
    if (recording.answerWanted === undefined) throw error;
  }
  if (recording.answerWanted !== undefined) {
    throw new BlueprintError(
      `it needs an answer from the database to go on, and there is none while a blueprint is compiled. Statement: ${recording.answerWanted}. ` +
        "Write the decision into SQL (IF NOT EXISTS, INSERT … SELECT, ON CONFLICT, a DO block) instead.",
    );
  }
  return recording.statements;
}

class Recording {
  readonly statements: string[] = [];
  answerWanted: string | undefined;

  dialect(): Dialect {
    return {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new RecordingDriver(this),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new LiteralQueryCompiler(),
    };
  }

  /** An answer that can be handed around but not looked at. */
  answer<T extends object>(statement: string, target: T): T {
    const refuse = (property: string | symbol): never => {
      this.answerWanted ??= statement;
      throw new BlueprintError(`looked at ${String(property)} of an answer that does not exist`);
    };
    return new Proxy(target, {
      // A promise that resolves to the answer asks for `then`; that is not a look at it.
      get: (_, property) => (property === "then" ? undefined : refuse(property)),
      has: (_, property) => refuse(property),
      ownKeys: () => refuse("keys"),
    });
  }
}

class RecordingDriver extends DummyDriver {
  readonly #recording: Recording;

  constructor(recording: Recording) {
    super();
    this.#recording = recording;
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    const recording = this.#recording;
    return {
      async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
        recording.statements.push(query.sql);
        return {
          rows: recording.answer<R[]>(query.sql, []),
          // Kysely passes the number on without looking at it; whoever does look, meets the proxy.
          numAffectedRows: recording.answer(query.sql, {}) as unknown as bigint,
        };
      },
      // biome-ignore lint/correctness/useYield: there is never a row to yield
      async *streamQuery(query: CompiledQuery): AsyncIterableIterator<never> {
        recording.answerWanted ??= query.sql;
        throw new BlueprintError("streamed an answer that does not exist");
      },
    };
  }
}

/** Writes parameters as literals in their place, so that nothing has to be substituted in finished text. */
class LiteralQueryCompiler extends PostgresQueryCompiler {
  protected override appendValue(value: unknown): void {
    this.append(quoteLiteral(value));
  }
}
