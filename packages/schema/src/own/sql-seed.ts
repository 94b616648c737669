import { sql } from "kysely";
import type { AnyKysely, SeedInput } from "../blueprint/define.ts";
import { quoteLiteral } from "../identifier.ts";
import type { FolderFault } from "./folder-error.ts";
import { COMMON_SEED_FILE, SEED_FILE } from "./names.ts";
import { lineAt, scanSql } from "./scan-sql.ts";
import { checkedStatements } from "./sql-migrations.ts";

const PLACEHOLDER = /\{\{\s*([^{}]*?)\s*\}\}/g;
const GROUPED = /^(license|admin|parameters)\./;
const LICENSE_FIELDS = ["key", "clientName", "email", "phone", "company", "maxUsers", "maxBranches"];
const ADMIN_FIELDS = ["username", "passwordHash"];

/** What `seed.sql` may name besides the license: from `parameters.json` and `blueprint.json`. */
export interface SeedNames {
  readonly parameters: readonly string[];
  readonly signIn: boolean;
}

/** Rows that are the same in every tenant, from `common-seed.sql`. Faults are added to `faults`. */
export function sqlCommonSeed(
  text: string | undefined,
  faults: FolderFault[],
): (db: AnyKysely) => Promise<void> {
  if (text === undefined) return async () => {};
  const file = COMMON_SEED_FILE;
  checkedStatements(file, text, faults);
  for (const { name, line } of placeholders(text)) {
    const detail = `{{${name}}} differs from license to license; put this statement into seed.sql`;
    faults.push({ file, line, detail });
  }
  return async (db) => {
    await sql.raw(text).execute(db);
  };
}

/** Rows that depend on the license, from `seed.sql`: `{{license.clientName}}` becomes a literal. Faults are added to `faults`. */
export function sqlSeed(
  text: string | undefined,
  names: SeedNames,
  faults: FolderFault[],
): (db: AnyKysely, input: SeedInput<unknown>) => Promise<void> {
  if (text === undefined) return async () => {};
  const file = SEED_FILE;
  checkedStatements(file, text.replace(PLACEHOLDER, "NULL"), faults);
  const known = knownNames(names);
  for (const { name, line, kind } of placeholders(text)) {
    if (kind === "quoted") {
      const detail = `{{${name}}} stands between quotes, and brings its own: take these away, join texts with ||`;
      faults.push({ file, line, detail });
    } else if (!known.includes(name)) {
      faults.push({ file, line, detail: `there is no {{${name}}}, only ${known.join(", ")}` });
    }
  }
  return async (db, input) => {
    await sql.raw(filledIn(text, input)).execute(db);
  };
}

function knownNames({ parameters, signIn }: SeedNames): string[] {
  return [
    ...LICENSE_FIELDS.map((field) => `license.${field}`),
    ...(signIn ? ADMIN_FIELDS.map((field) => `admin.${field}`) : []),
    ...parameters.map((parameter) => `parameters.${parameter}`),
  ];
}

/** A value is written once and not looked at again, so one that looks like a placeholder stays what it is. */
function filledIn(text: string, input: SeedInput<unknown>): string {
  let filled = "";
  for (const { kind, start, end } of scanSql(text)) {
    const piece = text.slice(start, end);
    filled += kind === "code" ? piece.replace(PLACEHOLDER, (_, name: string) => literal(input, name)) : piece;
  }
  return filled;
}

function literal(input: SeedInput<unknown>, name: string): string {
  const [group = "", field = ""] = name.split(".");
  const holder: unknown = Reflect.get(input, group);
  const value: unknown =
    holder !== null && typeof holder === "object" && Object.hasOwn(holder, field)
      ? Reflect.get(holder, field)
      : null;
  // Lists and objects are what `jsonb` takes; the driver would make an array of PostgreSQL's out of a list.
  // A literal that touches a word or another one would become part of it.
  return ` ${quoteLiteral(value !== null && typeof value === "object" ? JSON.stringify(value) : value)} `;
}

/** In quotes only what names a value: `'{{1,2},{3,4}}'` and `'{{a}}'` are arrays. */
function placeholders(
  text: string,
): { readonly name: string; readonly line: number; readonly kind: string }[] {
  return [...scanSql(text)].flatMap(({ kind, start, end }) =>
    [...text.slice(start, end).matchAll(PLACEHOLDER)]
      .map((found) => ({ name: found[1] ?? "", line: lineAt(text, start + found.index), kind }))
      .filter(({ name }) => kind === "code" || (kind === "quoted" && GROUPED.test(name))),
  );
}
