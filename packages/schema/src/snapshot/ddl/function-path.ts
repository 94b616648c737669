import { quoteLiteral } from "../../identifier.ts";

/** The names in a `search_path` as a function's settings hold it. */
export function splitPath(path: string): string[] {
  return [...path.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^,\s"]+))\s*(?:,|$)/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain?.toLowerCase() ?? "",
  );
}

/**
 * Makes a function that has its own schema on its path one that has whatever schema it is loaded into: the name goes out of
 * its text and is set by a block beside it.
 *
 * @returns null when the setting isn't in the text as expected
 */
export function withOwnPath(sql: string, path: string, schema: string, signature: string): string | null {
  const names = splitPath(path);
  if (!names.includes(schema)) return sql;
  const line = `\n SET search_path TO ${names.map((name) => quoteLiteral(name).trim()).join(", ")}\n`;
  const at = sql.indexOf(line);
  if (at < 0) return null;
  const list = names.map((name) =>
    name === schema ? "%1$I" : `"${name.replaceAll('"', '""').replaceAll("%", "%%")}"`,
  );
  const text = `ALTER ROUTINE ${signature.replaceAll("%", "%%")} SET search_path TO ${list.join(", ")}`;
  const block = `BEGIN EXECUTE pg_catalog.format(${quoteLiteral(text)}, pg_catalog.current_schema()); END`;
  return `${sql.slice(0, at)}\n${sql.slice(at + line.length)};\nDO ${quoteLiteral(block).trim()}`;
}
