import { createHash } from "node:crypto";
import type { CompiledMigration } from "../blueprint/compile.ts";
import { LIMITS_FUNCTION, LIMITS_TABLE, type LimitedTable } from "../blueprint/limits.ts";
import { scanSql } from "./scan-sql.ts";
import { sqlStatements } from "./sql-statements.ts";

/**
 * SHA-256, hex, of what a migration does. Comments, blanks and line ends may differ, and so may the statements by which
 * Tenantry holds limits: they are its own, and another version may write them otherwise.
 */
export function migrationContent({ sql }: CompiledMigration, limits: readonly LimitedTable[]): string {
  const all = sqlStatements(sql).statements.map(({ text }) => withoutComments(text));
  const own = all.filter((text) => !text.includes(LIMITS_TABLE) && !text.includes(LIMITS_FUNCTION));
  const held = own.length < all.length ? limits : [];
  return createHash("sha256")
    .update(JSON.stringify([own, held]))
    .digest("hex");
}

function withoutComments(sql: string): string {
  let [text, code] = ["", ""];
  const blanksAsOne = (): string => code.replace(/\s+/g, " ").replace(/ ?([,();]) ?/g, "$1");
  for (const { kind, start, end } of scanSql(sql)) {
    const piece = sql.slice(start, end);
    if (kind === "code") code += piece;
    else if (kind === "comment") code += " ";
    else {
      text += blanksAsOne() + piece;
      code = "";
    }
  }
  return (text + blanksAsOne()).trim();
}
