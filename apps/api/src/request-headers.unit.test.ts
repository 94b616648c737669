import { describe, expect, test } from "vitest";
import { readLastEventId, readWorkHeaders } from "./request-headers.ts";

describe("Prefer", () => {
  test.each([
    ["wait=10", 10],
    ["respond-async, wait=0", 0],
    ["Wait = 60", 60],
    ['wait="7"; foo=bar', 7],
    ["wait=5, wait=9", 5],
    ["return=minimal", null],
    ["", null],
  ])("%s", (prefer, seconds) => {
    expect(readWorkHeaders({ prefer })).toEqual({ idempotencyKey: null, waitSeconds: seconds, faults: [] });
  });

  test.each(["wait=61", "wait=-1", "wait=1.5", "wait=x", "wait", "wait="])("%s is refused", (prefer) => {
    expect(readWorkHeaders({ prefer }).faults).toMatchObject([{ pointer: "/headers/prefer" }]);
  });
});

describe("Idempotency-Key", () => {
  test.each(["a", "order 4711/2", "~".repeat(255)])("%s", (key) => {
    expect(readWorkHeaders({ "idempotency-key": key })).toMatchObject({ idempotencyKey: key, faults: [] });
  });

  test.each(["", "a".repeat(256), "ü", "a\tb"])("%j is refused", (key) => {
    expect(readWorkHeaders({ "idempotency-key": key }).faults).toMatchObject([
      { pointer: "/headers/idempotency-key" },
    ]);
  });
});

test("Last-Event-ID is a revision, or nothing", () => {
  expect(readLastEventId({})).toBeNull();
  expect(readLastEventId({ "last-event-id": "" })).toBeNull();
  expect(readLastEventId({ "last-event-id": "12" })).toBe(12);
  expect(readLastEventId({ "last-event-id": "-1" })).toMatchObject({ pointer: "/headers/last-event-id" });
});
