import { describe, expect, it } from "vitest";
import { displayWidth } from "./display-width.ts";
import { formatPairs, formatTable } from "./table.ts";

describe("formatTable", () => {
  const columns = [
    { title: "NAME", cell: (row: readonly [string, number]) => row[0] },
    { title: "N", cell: (row: readonly [string, number]) => String(row[1]), align: "right" as const },
  ];

  it("makes each column as wide as its widest cell, without blanks at the end", () => {
    expect(
      formatTable(columns, [
        ["a", 1],
        ["long name", 100],
      ]),
    ).toBe(["NAME         N", "a            1", "long name  100", ""].join("\n"));
  });

  it("counts columns of the screen, not code units", () => {
    expect(
      formatTable(columns, [
        ["شركة", 1],
        ["日本", 2],
        ["👩‍👩‍👧", 3],
      ]),
    ).toBe(["NAME  N", "شركة  1", "日本  2", "👩‍👩‍👧    3", ""].join("\n"));
    expect(displayWidth("e\u0301")).toBe(1);
  });
});

describe("formatPairs", () => {
  it("puts values under each other", () => {
    expect(
      formatPairs(
        [
          ["A", "1"],
          ["Long", "2"],
          ["Empty", ""],
        ],
        " ",
      ),
    ).toBe(" A      1\n Long   2\n Empty\n");
    expect(formatPairs([])).toBe("");
  });
});
