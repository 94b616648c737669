import { describe, expect, it } from "vitest";
import { lineOf } from "./copy-refusal.ts";

const refused = (where: string): Error => Object.assign(new Error("refused"), { where });

describe("the line that PostgreSQL refuses", () => {
  // As PostgreSQL's own catalogs of messages have it.
  it.each([
    ["English", 'COPY lines 9, line 12, column at: "x"'],
    ["German", "COPY lines 9, Zeile 12, Spalte at: »x«"],
    ["French", "COPY lines 9, ligne 12, colonne at : « x »"],
    ["Russian", 'COPY lines 9, строка 12, столбец at: "x"'],
    ["Japanese", 'lines 9のCOPY、行 12、列 at: "x"'],
    ["Korean", 'lines 9 복사, 12번째 줄, at 열: "x"'],
    ["Georgian", 'COPY lines 9, ხაზი 12, სვეტი at: "x"'],
  ])("is found in %s", (_, where) => {
    expect(lineOf(refused(where), "lines 9")).toBe(12);
  });

  it("is that of COPY, whatever runs within it or stands in the row", () => {
    const where = [
      "PL/pgSQL function check_rooms(text) line 3 at RAISE",
      'COPY rooms, line 7, column label: "a',
      'COPY rooms, line 9"',
    ];
    expect(lineOf(refused(where.join("\n")), "rooms")).toBe(7);
  });

  it("isn't there when a check concerns all of the rows", () => {
    const where = 'SQL statement "SELECT 1 FROM ONLY rooms x WHERE id = $1 FOR KEY SHARE OF x"';
    expect(lineOf(refused(where), "rooms")).toBeNull();
    expect(lineOf(new Error("refused"), "rooms")).toBeNull();
  });
});
