import type { ColumnPlan, LegacyValue } from "@tenantry/schema/legacy";
import { describe, expect, it } from "vitest";
import { convertRow } from "./convert-row.ts";
import { INT4, INT8, MONEY, TEXT, tablePlan, UTC } from "./testing/plans.ts";

const base64 = (...bytes: number[]): string => Buffer.from(bytes).toString("base64");

describe("a row out of quarantine", () => {
  const table = tablePlan("invoices", {
    id: { value: INT8, whenNull: { kind: "quarantine" } },
    number: { value: { kind: "text", max: 4 }, whenNull: { kind: "quarantine" } },
    total: { value: MONEY, whenNull: { kind: "value", text: "0.000000000000" } },
    created_at: UTC,
    paid: { kind: "boolean" },
    logo: { kind: "bytes" },
  });
  const row = { id: 1, number: "A1", total: 6.3765, created_at: "2024-07-20 11:05:09", paid: 1, logo: null };

  it("is converted by the rules of its table, in the order of the plan's columns", () => {
    expect(convertRow(table, row)).toEqual({
      kind: "row",
      values: ["1", "A1", "6.376500000000", "2024-07-20 11:05:09+00", "true", null],
    });
    expect(
      convertRow(table, {
        ...row,
        id: { integer: "9223372036854775807" },
        number: 12,
        total: "",
        logo: { bytes: base64(0, 255) },
      }),
    ).toEqual({
      kind: "row",
      values: ["9223372036854775807", "12", "0.000000000000", "2024-07-20 11:05:09+00", "true", "\\x00ff"],
    });
  });

  it("may lack columns, which are NULL then, and have others, which nobody asks for", () => {
    expect(convertRow(table, { id: 1, number: "A1", other: "x" })).toEqual({
      kind: "row",
      values: ["1", "A1", "0.000000000000", null, null, null],
    });
    const inherited = tablePlan("t", { constructor: TEXT, toString: TEXT, ["__proto__"]: TEXT });
    expect(convertRow(inherited, {})).toEqual({ kind: "row", values: [null, null, null] });
  });

  it.each<[string, LegacyValue, string]>([
    ["id", null, "missing"],
    ["id", "", "missing"],
    ["id", "x", "not-readable"],
    ["id", { integer: "twelve" }, "not-readable"],
    ["id", { integer: "9223372036854775808" }, "out-of-range"],
    ["id", 1.5, "not-exact"],
    ["number", "A1234", "too-long"],
    ["number", "a\u0000", "nul-in-text"],
    ["number", "\ud800", "not-utf8"],
    ["number", { text: base64(0x41, 0) }, "nul-in-text"],
    ["number", { text: base64(0xff) }, "not-utf8"],
    ["number", { bytes: base64(0x41) }, "not-readable"],
    ["total", { real: "Infinity" }, "out-of-range"],
    ["total", { real: "-Infinity" }, "out-of-range"],
    ["created_at", "2023-02-30", "out-of-range"],
  ])("says which column can't be read, and why: %s %o is %s", (column, value, code) => {
    const refused = convertRow(table, { ...row, [column]: value });
    expect(refused).toMatchObject({ kind: "refused", column, code });
  });

  it("is refused, and breaks nothing, where somebody wrote another shape", () => {
    for (const odd of [{}, [], { integer: null }, true, { bytes: 5 }, { text: null }, undefined]) {
      const result = convertRow(table, { ...row, number: odd as unknown as LegacyValue, id: 5 });
      expect(["row", "refused"]).toContain(result.kind);
    }
    expect(convertRow(table, { ...row, number: {} as unknown as LegacyValue })).toMatchObject({
      code: "not-readable",
    });
  });
});

describe("a column's own rules", () => {
  const convert = (column: Partial<ColumnPlan> & Pick<ColumnPlan, "value">, value: LegacyValue) => {
    const result = convertRow(tablePlan("t", { v: column }), { v: value });
    return result.kind === "row" ? result.values[0] : `!${result.code}`;
  };

  it("take only what the target takes", () => {
    const column = { value: TEXT, oneOf: ["draft", "paid"] };
    expect(convert(column, "paid")).toBe("paid");
    expect(convert(column, "Paid")).toBe("!not-allowed");
    expect(convert(column, " paid")).toBe("!not-allowed");
    // An empty form field.
    expect(convert(column, "")).toBeNull();
    expect(convert({ ...column, whenNull: { kind: "value", text: "draft" } }, "")).toBe("draft");
    expect(convert({ ...column, whenNull: { kind: "quarantine" } }, "")).toBe("!missing");
    expect(convert({ value: TEXT, oneOf: ["", "a"] }, "")).toBe("");
  });

  it("rename values before anything else, to the byte", () => {
    const column = { value: TEXT, oneOf: ["cancelled"], values: { canceled: "cancelled", "1": "cancelled" } };
    expect(convert(column, "canceled")).toBe("cancelled");
    expect(convert(column, "Canceled")).toBe("!not-allowed");
    expect(convert(column, 1)).toBe("cancelled");
    expect(convert({ value: TEXT, values: { a: "b" } }, "toString")).toBe("toString");
    expect(convert({ value: { kind: "boolean" }, values: { да: "true" } }, "да")).toBe("true");
  });

  it("take a part of a text by a pattern, and what doesn't match is NULL", () => {
    const price = { value: MONEY, pattern: "^(?:от )?(\\d+) ₽$" };
    expect(convert(price, "от 2500 ₽")).toBe("2500.000000000000");
    expect(convert(price, "по договорённости")).toBeNull();
    expect(convert(price, 5)).toBeNull();
    expect(convert({ ...price, whenNull: { kind: "quarantine" } }, "x")).toBe("!missing");
  });

  it("keep numbers within the target's limits, which count themselves", () => {
    const rating = { value: INT4, least: "1", most: "5" };
    expect([0, 1, 5, 6].map((value) => convert(rating, value))).toEqual([
      "!out-of-range",
      "1",
      "5",
      "!out-of-range",
    ]);
    const amount = { value: MONEY, least: "0" };
    expect(convert(amount, -0.001)).toBe("!out-of-range");
    expect(convert(amount, 0)).toBe("0.000000000000");
    expect(convert(amount, 1e15)).toBe("1000000000000000.000000000000");
    expect(convert({ value: MONEY, most: "0.05" }, 0.050000000001)).toBe("!out-of-range");
    expect(convert({ value: INT8, most: "9007199254740993" }, { integer: "9007199254740994" })).toBe(
      "!out-of-range",
    );
    expect(convert(amount, null)).toBeNull();
  });
});
