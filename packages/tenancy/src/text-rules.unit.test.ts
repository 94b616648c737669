import { describe, expect, it } from "vitest";
import { printable, textFaults } from "./text-rules.ts";

const rule = { maxLength: 10, required: true };

describe("text from outside", () => {
  it.each(["شركة", "'; DROP --", '{"$ne":1}', "__proto__", "👩‍👩‍👧‍👦", "\u202Eevil", " x ", "ｆｕｌｌ"])(
    "is taken as it is: %j",
    (text) => {
      expect(textFaults("/clientName", text, rule)).toEqual([]);
    },
  );

  it.each([
    ["\ud800", "surrogate"],
    ["a\u0000b", "control"],
    ["a\nb", "control"],
    ["a\u0085b", "control"],
    ["   ", "blank"],
    ["x".repeat(11), "at most 10"],
    ["👍".repeat(11), "at most 10"],
    ["x".repeat(1_000_000), "at most 10"],
  ])("is refused with a reason: %j", (text, reason) => {
    expect(textFaults("/clientName", text, rule)).toEqual([
      { pointer: "/clientName", detail: expect.stringContaining(reason) },
    ]);
  });

  it("may have ten letters of two code units each", () => {
    expect(textFaults("/x", "👍".repeat(10), rule)).toEqual([]);
  });

  it("may have line breaks and tabs where lines are asked for", () => {
    expect(textFaults("/notes", "a\r\n\tb", { maxLength: 10, multiline: true })).toEqual([]);
    expect(textFaults("/notes", "a\u001bb", { maxLength: 10, multiline: true })).toHaveLength(1);
  });

  it("is harmless on a terminal and in a log", () => {
    expect(printable("a\u202Eb\u001b[31mc\r\nd\ud800")).toBe("a\\u{202e}b\\u{1b}[31mc\\u{d}\\u{a}d\\u{d800}");
    expect(printable("شركة 👍")).toBe("شركة 👍");
  });
});
