import { describe, expect, it } from "vitest";
import { TenancyError } from "../errors.ts";
import { parseRetryQuarantine } from "./retry-quarantine-request.ts";

function faults(body: unknown): string[] {
  try {
    parseRetryQuarantine(body);
    return [];
  } catch (error) {
    if (!(error instanceof TenancyError)) throw error;
    return error.faults.map(({ pointer, detail }) => `${pointer} ${detail}`);
  }
}

const withValue = (value: unknown) => ({ rows: [{ id: "7", row: { price: value } }] });

describe("a request to import rows out of quarantine", () => {
  it.each([
    ["everything that waits", {}],
    ["a license's", { licenseKey: "7QKD-M3ZT-0V5H-XA2P" }],
    ["a table's of a license", { licenseKey: "client_007", table: "order items" }],
    ["corrected rows", { rows: [{ id: "7", row: { id: 1, name: "عطارة", note: null } }] }],
    ["a value that JSON can't hold", withValue({ integer: "9223372036854775807" })],
    ["the least whole number", withValue({ integer: "-9223372036854775808" })],
    ["an infinity", withValue({ real: "-Infinity" })],
    ["a blob", withValue({ bytes: "AAEC" })],
    ["an empty blob", withValue({ bytes: "" })],
    ["broken text, as it was", withValue({ text: "/w==" })],
  ])("takes %s", (_, body) => {
    expect(parseRetryQuarantine(body)).toEqual(body);
  });

  it.each([
    ["no object", [], [" must be object"]],
    ["no rows at all", { rows: [] }, ["/rows must not have fewer than 1 items"]],
    ["an unknown field", { all: true }, ["/all is not a known field"]],
    [
      "rows and a table",
      { rows: [{ id: "7", row: {} }], table: "t" },
      ["/rows excludes licenseKey and table: it says which rows"],
    ],
    ["a row without its values", { rows: [{ id: "7" }] }, ["/rows/0/row is required"]],
    [
      "a row twice",
      {
        rows: [
          { id: "7", row: {} },
          { id: "7", row: {} },
        ],
      },
      ["/rows/1/id is the same row as /rows/0"],
    ],
    [
      "another table's id",
      { rows: [{ id: "0'1", row: {} }] },
      ["/rows/0/id is no id of a row in quarantine"],
    ],
    ["a truth", withValue(true), ["/rows/0/row/price must be a number: 1 for true, 0 for false"]],
    [
      "a list",
      withValue([1]),
      [
        '/rows/0/row/price must be null, a text, a number, or one of {"integer"}, {"real"}, {"bytes"}, {"text"}',
      ],
    ],
    [
      "half a character",
      withValue("\ud800"),
      ["/rows/0/row/price holds half of a surrogate pair, which is no character"],
    ],
    [
      "too great a number",
      withValue({ integer: "9223372036854775808" }),
      ["/rows/0/row/price is no whole number of 64 bits"],
    ],
    ["bad base64", withValue({ bytes: "AA=" }), ["/rows/0/row/price is not base64"]],
    [
      "a form that there isn't",
      withValue({ date: "x" }),
      ['/rows/0/row/price has no form "date": it must be integer, real, bytes or text'],
    ],
    [
      "a column with a slash in its name",
      { rows: [{ id: "7", row: { "a/b~": true } }] },
      ["/rows/0/row/a~1b~0 must be a number: 1 for true, 0 for false"],
    ],
    ["a control character", { table: "a\u0000" }, ["/table holds a control character"]],
  ])("refuses %s", (_, body, expected) => {
    expect(faults(body)).toEqual(expected);
  });

  it("refuses more than a thousand rows", () => {
    const rows = Array.from({ length: 1_001 }, (_, index) => ({ id: String(index + 1), row: {} }));
    expect(faults({ rows })).toEqual(["/rows must not have more than 1000 items"]);
  });
});
