import { describe, expect, it } from "vitest";
import { reader } from "../testing/told.ts";
import { civilFromDays, daysFromCivil } from "./civil.ts";
import type { SomeValue } from "./value.ts";

describe("a date", () => {
  const read = reader({ kind: "date" });

  it.each<[SomeValue, string]>([
    ["2024-03-07", "2024-03-07"],
    ["0001-01-01", "0001-01-01"],
    ["9999-12-31", "9999-12-31"],
    ["2024-02-29", "2024-02-29"],
    ["2000-02-29", "2000-02-29"],
    [" 2024-03-07 ", "2024-03-07"],
    ["2024-03-07 00:00:00", "2024-03-07 (date-only)"],
    ["2024-03-07 00:00:00.000000", "2024-03-07 (date-only)"],
    ["2024-03-07T00:00", "2024-03-07 (date-only)"],
    ["2024-03-07 00:00:01", "!not-exact"],
    ["2024-03-07 00:00:00.000001", "!not-exact"],
    ["2024-03-07 23:59", "!not-exact"],
    ["2024-03-07T00:00:00Z", "!not-readable"],
    ["2023-02-29", "!out-of-range"],
    ["1900-02-29", "!out-of-range"],
    ["2023-02-30", "!out-of-range"],
    ["2024-04-31", "!out-of-range"],
    ["2024-13-01", "!out-of-range"],
    ["2024-00-10", "!out-of-range"],
    ["2024-01-00", "!out-of-range"],
    ["0000-01-01", "!out-of-range"],
    ["0000-00-00", "!out-of-range"],
    ["2023-02-30 00:00:00", "!out-of-range"],
    ["10000-01-01", "!not-readable"],
    ["-2024-01-01", "!not-readable"],
    ["24-03-07", "!not-readable"],
    ["2024-3-7", "!not-readable"],
    ["07/03/2024", "!not-readable"],
    ["2024/03/07", "!not-readable"],
    ["20240307", "!not-readable"],
    ["٢٠٢٤-٠٣-٠٧", "!not-readable"],
    ["today", "!not-readable"],
    ["infinity", "!not-readable"],
    ["2024-03-07 ", "2024-03-07"],
    ["2024-03-07x", "!not-readable"],
    ["", "NULL (empty-to-null)"],
    ["   ", "NULL (empty-to-null)"],
    [20240307n, "!not-readable"],
    [2460376.5, "!not-readable"],
    [Uint8Array.of(50), "!not-readable"],
  ])("%o is %s", (value, expected) => {
    expect(read(value)).toBe(expected);
  });
});

describe("a time of day", () => {
  const read = reader({ kind: "time" });

  it.each<[SomeValue, string]>([
    ["09:00", "09:00:00"],
    ["9:00", "09:00:00 (time-completed)"],
    ["9:05:07", "09:05:07 (time-completed)"],
    ["09:00:00", "09:00:00"],
    ["09:00:00.500000", "09:00:00.5"],
    ["23:59:59.999999", "23:59:59.999999"],
    ["09:00:00.1234560000", "09:00:00.123456"],
    ["09:00:00.1234567", "!not-exact"],
    ["24:00", "!out-of-range"],
    ["24:00:00", "!out-of-range"],
    ["09:60", "!out-of-range"],
    ["09:59:60", "!out-of-range"],
    ["99:99", "!out-of-range"],
    ["9", "!not-readable"],
    ["9:0", "!not-readable"],
    ["0900", "!not-readable"],
    ["9.00", "!not-readable"],
    ["9:00 PM", "!not-readable"],
    ["09:00Z", "!not-readable"],
    ["٠٩:٠٠", "!not-readable"],
    ["-9:00", "!not-readable"],
    [" 09:00 ", "09:00:00"],
    ["", "NULL (empty-to-null)"],
    [900n, "!not-readable"],
  ])("%o is %s", (value, expected) => {
    expect(read(value)).toBe(expected);
  });
});

describe("a moment, in UTC when it says nothing", () => {
  const read = reader({ kind: "timestamp", zone: "UTC" });

  it.each<[SomeValue, string]>([
    ["2024-07-20 11:05:09.123456", "2024-07-20 11:05:09.123456+00"],
    ["2024-07-20 11:05:09.123000", "2024-07-20 11:05:09.123+00"],
    ["2024-07-20 11:05:09.100000", "2024-07-20 11:05:09.1+00"],
    ["2024-07-20 11:05:09.000000", "2024-07-20 11:05:09+00"],
    ["2024-07-20 11:05:09.000001", "2024-07-20 11:05:09.000001+00"],
    ["2024-07-20 11:05:09.5", "2024-07-20 11:05:09.5+00"],
    ["2024-07-20 11:05:09", "2024-07-20 11:05:09+00 (whole-seconds)"],
    ["2024-07-20 11:05", "2024-07-20 11:05:00+00 (whole-seconds)"],
    ["2024-07-20 9:05:09", "2024-07-20 09:05:09+00 (time-completed)"],
    ["2024-03-07", "2024-03-07 00:00:00+00 (date-only)"],
    ["2024-07-20T11:05:09.118820", "2024-07-20 11:05:09.11882+00"],
    ["2026-01-30T21:14:05.118820+03:00", "2026-01-30 18:14:05.11882+00"],
    ["2025-12-14T17:46:10+03:00", "2025-12-14 14:46:10+00 (whole-seconds)"],
    ["2025-12-31T22:00:00.1-05:30", "2026-01-01 03:30:00.1+00"],
    ["2025-12-14T17:46:10.5Z", "2025-12-14 17:46:10.5+00"],
    ["2025-12-14 17:46:10.5+0300", "2025-12-14 14:46:10.5+00"],
    ["2025-12-14 17:46:10.5+03", "2025-12-14 14:46:10.5+00"],
    ["2025-12-14 17:46:10.123456789", "!not-exact"],
    ["2025-12-14 17:46:10.123456000", "2025-12-14 17:46:10.123456+00"],
    ["0001-01-01 00:00:00.000000", "0001-01-01 00:00:00+00"],
    ["9999-12-31 23:59:59.999999", "9999-12-31 23:59:59.999999+00"],
    ["0001-01-01 00:00:00+03:00", "!out-of-range"],
    ["9999-12-31 23:59:59-03:00", "!out-of-range"],
    ["0000-01-01 00:00:00.000000", "!out-of-range"],
    ["2023-02-29 10:00:00.000000", "!out-of-range"],
    ["2023-02-30 10:00:00", "!out-of-range"],
    ["2023-02-30", "!out-of-range"],
    ["2024-07-20 24:00:00", "!out-of-range"],
    ["2024-07-20 24:00:00.000000", "!out-of-range"],
    ["2024-07-20 11:60:00.000000", "!out-of-range"],
    ["2024-07-20 11:05:60.000000", "!out-of-range"],
    ["2024-07-20 11:05:09.12345x", "!not-readable"],
    ["2024-07-20x11:05:09.123456", "!not-readable"],
    ["2024-07-20 11-05-09.123456", "!not-readable"],
    ["2024-07-20 11:05:09 +03:00", "!not-readable"],
    ["2024-07-20 11:05:09+3", "!not-readable"],
    ["2024-07-20 11:05:09+16:00", "!not-readable"],
    ["2024-07-20 11:05:09+03:60", "!not-readable"],
    ["2024-07-20 11:05:09 UTC", "!not-readable"],
    ["2024-07-20+03:00", "!not-readable"],
    ["2024-07-20Z", "!not-readable"],
    ["2024-07-20 ", "2024-07-20 00:00:00+00 (date-only)"],
    ["2024-07-20T", "!not-readable"],
    ["20.07.2024 11:05", "!not-readable"],
    ["Sat Jul 20 2024", "!not-readable"],
    ["now", "!not-readable"],
    ["1721473509", "!not-readable"],
    [1721473509n, "!not-readable"],
    [1721473509.5, "!not-readable"],
    ["", "NULL (empty-to-null)"],
    [" ", "NULL (empty-to-null)"],
    [Uint8Array.of(), "!not-readable"],
  ])("%o is %s", (value, expected) => {
    expect(read(value)).toBe(expected);
  });
});

describe("a moment of a zone", () => {
  it.each([
    ["Europe/Moscow", "2024-07-20 11:05:09.5", "2024-07-20 08:05:09.5+00"],
    ["Europe/Moscow", "2012-07-20 11:05:09.5", "2012-07-20 07:05:09.5+00"],
    ["Europe/Moscow", "2024-07-20T11:05:09.5+05:00", "2024-07-20 06:05:09.5+00"],
    ["Asia/Riyadh", "2024-01-01", "2023-12-31 21:00:00+00"],
    ["Asia/Kolkata", "2024-01-01 00:00:00.5", "2023-12-31 18:30:00.5+00"],
    ["Europe/Berlin", "2024-07-01 12:00:00.5", "2024-07-01 10:00:00.5+00"],
    ["Europe/Berlin", "2024-01-01 12:00:00.5", "2024-01-01 11:00:00.5+00"],
    // Clocks go from 02:00 to 03:00: 02:30 never comes, and is read as what 03:30 is called.
    ["Europe/Berlin", "2024-03-31 01:59:59.5", "2024-03-31 00:59:59.5+00"],
    ["Europe/Berlin", "2024-03-31 02:30:00.5", "2024-03-31 01:30:00.5+00"],
    ["Europe/Berlin", "2024-03-31 03:00:00.5", "2024-03-31 01:00:00.5+00"],
    // Clocks go from 03:00 back to 02:00: 02:30 comes twice, and is the first.
    ["Europe/Berlin", "2024-10-27 01:59:59.5", "2024-10-26 23:59:59.5+00"],
    ["Europe/Berlin", "2024-10-27 02:30:00.5", "2024-10-27 00:30:00.5+00"],
    ["Europe/Berlin", "2024-10-27 03:00:00.5", "2024-10-27 02:00:00.5+00"],
    ["America/New_York", "2024-11-03 01:30:00.5", "2024-11-03 05:30:00.5+00"],
    ["America/New_York", "2024-03-10 02:30:00.5", "2024-03-10 07:30:00.5+00"],
    ["Australia/Lord_Howe", "2024-04-07 01:45:00.5", "2024-04-06 14:45:00.5+00"],
    // A whole day that was left out, when the islands changed sides.
    ["Pacific/Apia", "2011-12-30 12:00:00.5", "2011-12-30 22:00:00.5+00"],
    ["Pacific/Apia", "2011-12-31 00:00:00.5", "2011-12-30 10:00:00.5+00"],
    ["Africa/Cairo", "2024-04-26 00:30:00.5", "2024-04-25 22:30:00.5+00"],
    ["Etc/UTC", "2024-07-20 11:05:09.5", "2024-07-20 11:05:09.5+00"],
  ])("%s: %s is %s", (zone, value, expected) => {
    const told = reader({ kind: "timestamp", zone })(value);
    expect(told.replace(/ \(.*\)$/, "")).toBe(expected);
  });

  it("is told of, unless the value or the zone says UTC", () => {
    const read = reader({ kind: "timestamp", zone: "Europe/Moscow" });
    expect(read("2024-07-20 11:05:09.5")).toBe("2024-07-20 08:05:09.5+00 (zone-applied)");
    expect(read("2024-07-20 11:05:09")).toBe("2024-07-20 08:05:09+00 (whole-seconds, zone-applied)");
    expect(read("2024-07-20")).toBe("2024-07-19 21:00:00+00 (date-only, zone-applied)");
    expect(read("2024-07-20 11:05:09.5Z")).toBe("2024-07-20 11:05:09.5+00");
    expect(read("0001-01-01 00:00:00.5")).toBe("!out-of-range");
  });

  it("has to be one that there is", () => {
    expect(() => reader({ kind: "timestamp", zone: "Mars/Olympus" })).toThrow(RangeError);
  });
});

describe("the calendar", () => {
  it("counts each day once, from the year 1 to the year 9999", () => {
    let days = daysFromCivil(1, 1, 1);
    expect(days).toBe(-719_162);
    for (let at = days; at < daysFromCivil(10_000, 1, 1); at += 17) {
      const { year, month, day } = civilFromDays(at);
      if (daysFromCivil(year, month, day) !== at) throw new Error(`day ${at}`);
      days = at;
    }
    expect(civilFromDays(0)).toEqual({ year: 1970, month: 1, day: 1 });
  });
});
