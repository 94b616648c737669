import { describe, expect, it } from "vitest";
import { momentOf } from "./wall-clock.ts";

describe("a moment in a text", () => {
  it.each([
    ["2024-06-20 09:00:28.483896", "UTC", "2024-06-20T09:00:28.483Z"],
    ["2029-06-19T10:15:42", "UTC", "2029-06-19T10:15:42.000Z"],
    [" 2029-06-19 9:05 ", "UTC", "2029-06-19T09:05:00.000Z"],
    ["2024-02-29", "UTC", "2024-02-29T00:00:00.000Z"],
    ["2024-06-20 09:00:00", "Europe/Moscow", "2024-06-20T06:00:00.000Z"],
    ["2024-06-20 09:00:00+05:30", "Europe/Moscow", "2024-06-20T03:30:00.000Z"],
    ["2024-06-20 09:00:00-0330", "Europe/Moscow", "2024-06-20T12:30:00.000Z"],
    ["2024-06-20T09:00:00Z", "Europe/Moscow", "2024-06-20T09:00:00.000Z"],
    ["2024-01-01 00:00:00", "Asia/Kathmandu", "2023-12-31T18:15:00.000Z"],
    ["0001-01-01 00:00:00", "UTC", "0001-01-01T00:00:00.000Z"],
  ])("%j in %s is %s", (text, zone, moment) => {
    expect(momentOf(text, zone)?.toISOString()).toBe(moment);
  });

  it("of an hour that comes twice is the first, and of one that never comes as the clock before had it", () => {
    expect(momentOf("2024-10-27 02:30:00", "Europe/Berlin")?.toISOString()).toBe("2024-10-27T00:30:00.000Z");
    expect(momentOf("2024-03-31 02:30:00", "Europe/Berlin")?.toISOString()).toBe("2024-03-31T01:30:00.000Z");
    expect(momentOf("2024-11-03 01:30:00", "America/New_York")?.toISOString()).toBe(
      "2024-11-03T05:30:00.000Z",
    );
    expect(momentOf("2024-03-10 02:30:00", "America/New_York")?.toISOString()).toBe(
      "2024-03-10T07:30:00.000Z",
    );
  });

  it("is what the zone's clocks show, next to every change of theirs", () => {
    for (const zone of ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Europe/Moscow"]) {
      const clock = new Intl.DateTimeFormat("sv-SE", {
        timeZone: zone,
        dateStyle: "short",
        timeStyle: "medium",
      });
      for (let halfHour = 0; halfHour < 48 * 366; halfHour += 5) {
        const shown = clock.format(Date.UTC(2014, 0, 1, 0, 30 * halfHour));
        expect(clock.format(momentOf(shown, zone) ?? 0)).toBe(shown);
      }
    }
  });

  it("may be a day alone, for whichever time of it is meant", () => {
    expect(momentOf("2031-05-20", "Asia/Riyadh", "23:59:59")?.toISOString()).toBe("2031-05-20T20:59:59.000Z");
  });

  it.each([
    "",
    "soon",
    "2024-02-30",
    "2023-02-29 10:00",
    "2024-13-01",
    "0000-01-01",
    "2024-06-20 24:00",
    "2024-06-20 10:60",
    "20/06/2024",
    "2024-6-2",
    "2024-06-20 10:00:00 UTC+3",
  ])("is not in %j", (text) => {
    expect(momentOf(text, "UTC")).toBeNull();
  });
});
