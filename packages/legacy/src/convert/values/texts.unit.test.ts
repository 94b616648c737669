import { describe, expect, it } from "vitest";
import { reader } from "../testing/told.ts";
import type { SomeValue } from "./value.ts";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

describe("text", () => {
  const read = reader({ kind: "text", max: 5 });

  it.each<[SomeValue, string]>([
    ["", ""],
    [" ", " "],
    ["five5", "five5"],
    ["six666", "!too-long"],
    ["مرحبا", "مرحبا"],
    ["😀😀😀😀😀", "😀😀😀😀😀"],
    ["😀😀😀😀😀😀", "!too-long"],
    ["e\u0301e\u0301e", "e\u0301e\u0301e"],
    ["a\tb\r\n", "a\tb\r\n"],
    ["NULL", "NULL"],
    ["\\N", "\\N"],
    ["a\u0000b", "!nul-in-text"],
    [12n, "12 (number-to-text)"],
    [12, "12.0 (number-to-text)"],
    [-0.5, "-0.5 (number-to-text)"],
    [1e20, "!too-long"],
    [123456n, "!too-long"],
    [bytes(104, 105), "!not-readable"],
  ])("%o is %s", (value, expected) => {
    expect(read(value)).toBe(expected);
  });

  it("may be as long as it likes where the column doesn't mind", () => {
    const long = "😀".repeat(1_000_000);
    const free = reader({ kind: "text", max: null });
    expect(free(long)).toBe(long);
    expect(free(0.1 + 0.2)).toBe("0.30000000000000004 (number-to-text)");
    expect(free(9223372036854775807n)).toBe("9223372036854775807 (number-to-text)");
  });
});

describe("a UUID", () => {
  const read = reader({ kind: "uuid" });
  const uuid = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";

  it.each<[SomeValue, string]>([
    [uuid, uuid],
    [uuid.toUpperCase(), uuid],
    [uuid.replaceAll("-", ""), uuid],
    [`{${uuid}}`, uuid],
    [` ${uuid} `, uuid],
    ["", "NULL (empty-to-null)"],
    [`{${uuid}`, "!not-readable"],
    [uuid.slice(1), "!not-readable"],
    [uuid.replace("a", "g"), "!not-readable"],
    [bytes(...Array.from({ length: 16 }, () => 1)), "!not-readable"],
    [1n, "!not-readable"],
  ])("%o is %s", (value, expected) => {
    expect(read(value)).toBe(expected);
  });
});

describe("a JSON document", () => {
  const read = reader({ kind: "json", asString: false });

  it.each<[SomeValue, string]>([
    ['{"b":1,"a":[true,null]}', '{"a": [true, null], "b": 1}'],
    ['{"bb":1,"a":2,"c":3}', '{"a": 2, "c": 3, "bb": 1}'],
    ['{"a":1,"a":2}', '{"a": 2}'],
    ['{"__proto__":1,"constructor":2}', '{"__proto__": 1, "constructor": 2}'],
    ['{"é":1,"zz":2,"z":3}', '{"z": 3, "zz": 2, "é": 1}'],
    [" [ ] ", "[]"],
    ["{ }", "{}"],
    ["1.50", "1.50"],
    ["1e2", "100"],
    ["1.5e-3", "0.0015"],
    ["-0", "0"],
    ["-0.0", "0.0"],
    ["12345678901234567890.123", "12345678901234567890.123"],
    ['"\\u0645\\/"', '"م/"'],
    ['"\\ud83d\\ude00"', '"😀"'],
    ['"\\u0001\\u007f"', '"\\u0001\u007f"'],
    ["true", "true"],
    ["null", "null"],
    [5n, "5"],
    [9007199254740993n, "9007199254740993"],
    [0.5, "0.5"],
    [1e21, "1000000000000000000000"],
    // No documents, so they are strings.
    ["hello", '"hello" (json-string)'],
    ["{a:1}", '"{a:1}" (json-string)'],
    ['{"a":1,}', '"{\\"a\\":1,}" (json-string)'],
    ["[1,]", '"[1,]" (json-string)'],
    ["[1 2]", '"[1 2]" (json-string)'],
    ['{"a" 1}', '"{\\"a\\" 1}" (json-string)'],
    ["01", '"01" (json-string)'],
    [".5", '".5" (json-string)'],
    ["+1", '"+1" (json-string)'],
    ["NaN", '"NaN" (json-string)'],
    ["nulll", '"nulll" (json-string)'],
    ["'a'", "\"'a'\" (json-string)"],
    ['"a', '"\\"a" (json-string)'],
    ['"a\\x"', '"\\"a\\\\x\\"" (json-string)'],
    ['"tab\there"', '"\\"tab\\there\\"" (json-string)'],
    ["[1]\u00a0", '"[1]\u00a0" (json-string)'],
    ["", "NULL (empty-to-null)"],
    [" \n", "NULL (empty-to-null)"],
    ['"\\u0000"', "!nul-in-text"],
    ['{"\\u0000":1}', "!nul-in-text"],
    ["a\u0000b", "!nul-in-text"],
    ['"\\ud800"', "!not-utf8"],
    ["1e1001", "!out-of-range"],
    ["1e-1001", "!out-of-range"],
    ["1e999999999", "!out-of-range"],
    [`${"[".repeat(201)}${"]".repeat(201)}`, "!out-of-range"],
    [`${"[".repeat(500_000)}`, "!out-of-range"],
    [Number.POSITIVE_INFINITY, "!out-of-range"],
    [bytes(123, 125), "!not-readable"],
  ])("%o is %s", (value, expected) => {
    expect(read(value)).toBe(expected);
  });

  it("is always a string where the column holds text", () => {
    const text = reader({ kind: "json", asString: true });
    expect(text('{"a":1}')).toBe('"{\\"a\\":1}"');
    expect(text("")).toBe('""');
    expect(text("5")).toBe('"5"');
    expect(text(5n)).toBe('"5"');
    expect(text(5)).toBe('"5.0"');
    expect(text('a"\\\n\u2028')).toBe('"a\\"\\\\\\n\u2028"');
    expect(text("a\u0000")).toBe("!nul-in-text");
    expect(text(bytes(1))).toBe("!not-readable");
  });
});

describe("bytes, and anything at all", () => {
  it("are hexadecimal", () => {
    const read = reader({ kind: "bytes" });
    expect(read(bytes(0, 255, 92))).toBe("\\x00ff5c");
    expect(read(bytes())).toBe("\\x");
    expect(read("é")).toBe("\\xc3a9");
    expect(read("")).toBe("NULL (empty-to-null)");
    expect(read(1n)).toBe("!not-readable");
  });

  it("come in as text", () => {
    const read = reader({ kind: "anything" });
    expect(read("")).toBe("");
    expect(read("مرحبا\n")).toBe("مرحبا\n");
    expect(read(9223372036854775807n)).toBe("9223372036854775807");
    expect(read(1.5)).toBe("1.5");
    expect(read(5)).toBe("5.0");
    expect(read(Number.POSITIVE_INFINITY)).toBe("Inf");
    expect(read(bytes(0, 1))).toBe("\\x0001");
    expect(read("a\u0000b")).toBe("!nul-in-text");
  });
});
