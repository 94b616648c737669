import { describe, expect, it } from "vitest";
import { readChecks } from "./column-checks.ts";

const NOTHING = { oneOf: null, least: null, most: null };

describe("what a column's checks say", () => {
  it.each([
    [
      "a list of texts",
      "CHECK (((state)::text = ANY ((ARRAY['new'::character varying, 'it''s, done]'::character varying])::text[])))",
      { ...NOTHING, oneOf: ["new", "it's, done]"] },
    ],
    [
      "a list of texts of a text column",
      "CHECK ((state = ANY (ARRAY['a'::text, 'b'::text])))",
      { ...NOTHING, oneOf: ["a", "b"] },
    ],
    [
      "a list of whole numbers",
      "CHECK ((grade = ANY (ARRAY[1, 2, 3])))",
      { ...NOTHING, oneOf: ["1", "2", "3"] },
    ],
    ["bounds", "CHECK (((rating >= 0) AND (rating <= 5)))", { ...NOTHING, least: "0", most: "5" }],
    ["a bound that is cast", "CHECK ((price >= (0)::numeric))", { ...NOTHING, least: "0" }],
    [
      "a domain's bounds",
      "CHECK (((VALUE >= 1) AND (VALUE <= 1440)))",
      { ...NOTHING, least: "1", most: "1440" },
    ],
    ["a quoted name", `CHECK (("The rate" <= 100))`, { ...NOTHING, most: "100" }],
  ])("reads %s", (_, definition, checks) => {
    expect(readChecks([definition])).toEqual(checks);
  });

  it.each([
    // A list that it read half would refuse rows that PostgreSQL takes.
    ["a list with a value that is worked out", "CHECK ((state = ANY (ARRAY['a'::text, lower('B'::text)])))"],
    ["decimals, which a column may write otherwise", "CHECK ((rate = ANY (ARRAY[(1)::numeric, 1.5])))"],
    ["a pattern", "CHECK ((label !~ 'odd'::text))"],
    ["another column", "CHECK ((end_date >= start_date))"],
    ["a function of the column", "CHECK ((abs(rate) <= 5))"],
    ["either of two", "CHECK (((rate >= 0) OR (rate <= '-5'::integer)))"],
  ])("leaves to PostgreSQL %s", (_, definition) => {
    expect(readChecks([definition])).toEqual(NOTHING);
  });

  it("keeps the strictest of several checks", () => {
    expect(
      readChecks([
        "CHECK ((rate >= 1))",
        "CHECK (((rate >= 0) AND (rate <= 9)))",
        "CHECK ((rate <= 10))",
        "CHECK ((rate = ANY (ARRAY[1, 2, 3])))",
        "CHECK ((rate = ANY (ARRAY[2, 3, 4])))",
      ]),
    ).toEqual({ oneOf: ["2", "3"], least: "1", most: "9" });
  });
});
