import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FreshReadings, type Reading } from "./fresh-readings.ts";

/** A database that answers when it is told to. */
function slowSource(licenseId = "license") {
  const asked: { answer: (value: string | null) => void; fail: (error: Error) => void }[] = [];
  const read = (): Promise<Reading<string> | null> => {
    const asOf = performance.now();
    const { promise, resolve, reject } = Promise.withResolvers<Reading<string> | null>();
    asked.push({
      answer: (value) => resolve(value === null ? null : { value, asOf, licenseId }),
      fail: reject,
    });
    return promise;
  };
  return { asked, read };
}

const readNow = (value: string, licenseId = "license") => {
  const read = vi.fn(async () => ({ value, asOf: performance.now(), licenseId }));
  return read;
};

describe("fresh readings", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
  afterEach(() => void vi.useRealTimers());

  it("are made once for many who ask at once, and used for half a second", async () => {
    const readings = new FreshReadings(() => true);
    const { asked, read } = slowSource();
    const both = Promise.all([readings.get("a", read), readings.get("a", read)]);
    expect(asked).toHaveLength(1);
    asked[0]?.answer("first");
    expect(await both).toEqual(["first", "first"]);
    vi.advanceTimersByTime(499);
    expect(await readings.get("a", readNow("second"))).toBe("first");
    vi.advanceTimersByTime(1);
    expect(await readings.get("a", readNow("second"))).toBe("second");
  });

  it("are made each time while nobody would tell of a change", async () => {
    let announced = false;
    const readings = new FreshReadings(() => announced);
    expect(await readings.get("a", readNow("first"))).toBe("first");
    expect(await readings.get("a", readNow("second"))).toBe("second");
    announced = true;
    expect(await readings.get("a", readNow("third"))).toBe("second");
  });

  it("are dropped at a word about their license, and others aren't", async () => {
    const readings = new FreshReadings(() => true);
    await readings.get("a", readNow("old", "one"));
    await readings.get("b", readNow("old", "two"));
    readings.forget("one");
    expect(await readings.get("a", readNow("new", "one"))).toBe("new");
    expect(await readings.get("b", readNow("new", "two"))).toBe("old");
    readings.forgetAll();
    expect(readings.size).toBe(0);
  });

  it("that had begun before a change was told are neither kept nor shared", async () => {
    const readings = new FreshReadings(() => true);
    const { asked, read } = slowSource();
    const before = readings.get("a", read);
    readings.forget("license");
    const after = readings.get("a", read);
    expect(asked).toHaveLength(2);
    asked[1]?.answer("after");
    expect(await after).toBe("after");
    // The older one comes last, and must not take the newer one's place.
    asked[0]?.answer("before");
    expect(await before).toBe("before");
    expect(await readings.get("a", readNow("unread"))).toBe("after");
  });

  it("that take longer than a second aren't believed", async () => {
    const readings = new FreshReadings(() => true);
    const { asked, read } = slowSource();
    const slow = readings.get("a", read);
    vi.advanceTimersByTime(1_000);
    asked[0]?.answer("too late");
    await expect(slow).rejects.toMatchObject({ code: "UNAVAILABLE", retryAfterSeconds: 2 });
  });

  it("of nothing, and those that fail, aren't kept", async () => {
    const readings = new FreshReadings(() => true);
    expect(await readings.get("a", async () => null)).toBeNull();
    await expect(readings.get("a", () => Promise.reject(new Error("away")))).rejects.toThrow("away");
    expect(readings.size).toBe(0);
    expect(await readings.get("a", readNow("there"))).toBe("there");
  });

  it("stay bounded, the oldest going first", async () => {
    const readings = new FreshReadings(() => true);
    for (let n = 0; n <= 10_000; n++) await readings.get(`n${n}`, readNow("x", `license ${n}`));
    expect(readings.size).toBe(10_000);
    const first = readNow("again");
    await readings.get("n0", first);
    expect(first).toHaveBeenCalled();
  });
});
