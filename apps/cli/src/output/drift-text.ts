import { printable, type TenantDrift } from "@tenantry/tenancy";
import type { Terminal } from "./terminal.ts";

/** Longest text of a definition that is shown. */
const MAX_TEXT = 160;

type Difference = TenantDrift["differences"][number];

/** What a look at one tenant found, for people: a line for the tenant, and one or more for each difference. */
export function driftText(result: TenantDrift, { style }: Pick<Terminal, "style">): string {
  const { licenseKey, schema, blueprint, version, state, error } = result;
  const colour = state === "clean" || state === "fixed" ? "green" : state === "failed" ? "red" : "yellow";
  const head = `${licenseKey}  ${schema}  ${blueprint} ${version ?? "?"}`;
  return [
    `${style("bold", printable(head))}  ${style(colour, state)}\n`,
    ...(error === null ? [] : [`  ${printable(error)}\n`]),
    ...result.fixed.map((each) => `  mended   ${name(each)}\n`),
    ...result.differences.map(differenceText),
  ].join("");
}

function differenceText(difference: Difference): string {
  const { state, fixable, kept, expected, found } = difference;
  const remark = kept ? ", kept from a legacy system" : fixable ? ", --fix makes it" : "";
  return [
    `  ${state.padEnd(8)} ${name(difference)}${remark}\n`,
    ...(state === "extra" || expected === null ? [] : [`           expected ${text(expected)}\n`]),
    ...(state === "missing" || found === null ? [] : [`           found    ${text(found)}\n`]),
  ].join("");
}

/** The kind stands before names that don't begin with it. */
function name({ kind, object }: Difference): string {
  return printable(object.toLowerCase().startsWith(`${kind} `) ? object : `${kind} ${object}`);
}

function text(definition: string): string {
  const line = definition.replace(/\s+/g, " ").trim();
  return printable(line.length > MAX_TEXT ? `${line.slice(0, MAX_TEXT - 1)}…` : line);
}
