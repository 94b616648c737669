/**
 * True when a client would rather have a page than JSON, by its `Accept` header (RFC 9110, section 12.5.1). One that takes
 * anything gets JSON.
 */
export function prefersHtml(accept: string | undefined): boolean {
  const ranges = (accept ?? "*/*").split(",").map(readRange);
  return quality(ranges, "text/html") > quality(ranges, "application/json");
}

interface Range {
  readonly type: string;
  readonly q: number;
}

function readRange(text: string): Range {
  const [type = "", ...parameters] = text.split(";").map((part) => part.trim().toLowerCase());
  const weight = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
  const q = weight === undefined ? 1 : Number(weight);
  return { type, q: q >= 0 && q <= 1 ? q : 0 };
}

/** By the range that fits best. */
function quality(ranges: readonly Range[], type: string): number {
  for (const range of [type, `${type.split("/")[0]}/*`, "*/*"]) {
    const found = ranges.find((candidate) => candidate.type === range);
    if (found !== undefined) return found.q;
  }
  return 0;
}
