import { describe, expect, it } from "vitest";
import { rehearsalText, rehearsedText } from "./rehearsal-text.ts";

const plain = { style: (_: unknown, text: string): string => text };
const tenant = {
  licenseKey: "AAAA",
  schema: "tenant_a",
  placement: "default",
  blueprint: "erp",
  to: "0003_c",
  bytes: 2_500_000,
};

describe("a rehearsal's text", () => {
  it("has a line for each tenant", () => {
    const rehearsed = {
      kind: "rehearsed",
      from: "0001_a",
      milliseconds: 12.4,
      migrations: [],
      locks: [],
      rewrites: [],
    } as const;
    expect(rehearsedText({ ...tenant, rehearsal: { ...rehearsed, failure: null } }, plain)).toBe(
      "AAAA  tenant_a  2.5 MB  went well: 0001_a → 0003_c in 12 ms\n",
    );
    const failure = { migration: "0002_b", sqlState: "23514", about: "table t, constraint c" };
    expect(rehearsedText({ ...tenant, rehearsal: { ...rehearsed, failure } }, plain)).toBe(
      "AAAA  tenant_a  2.5 MB  failed: 0001_a → 0003_c, at 0002_b (SQLSTATE 23514)\n",
    );
    const gone = { kind: "not-possible", reason: "is gone" } as const;
    expect(rehearsedText({ ...tenant, rehearsal: gone }, plain)).toBe(
      "AAAA  tenant_a  2.5 MB  not possible: it is gone\n",
    );
  });

  it("tells what is to be known before an upgrade", () => {
    const concurrent = "create index concurrently if not exists i on t (a)";
    expect(
      rehearsalText({
        blueprint: "erp",
        to: "0003_c",
        tenants: { succeeded: 2, failed: 1, notPossible: 0, current: 0 },
        milliseconds: { median: 3.21, most: 44.6 },
        migrations: [
          { name: "0002_b", tenants: 3, medianMs: 1, mostMs: 2, outsideTransaction: [] },
          { name: "0003_c", tenants: 2, medianMs: 2, mostMs: 42, outsideTransaction: [concurrent] },
        ],
        locks: [
          { relation: "t", mode: "AccessExclusiveLock", migration: "0002_b" },
          { relation: "u", mode: "ShareLock", migration: "0003_c" },
        ],
        rewrites: [{ table: "t", migration: "0002_b", mostBytes: 8_000_000 }],
        failures: [{ migration: "0003_c", sqlState: "23514", about: null, licenseKeys: ["BBBB"] }],
      }).split("\n"),
    ).toEqual([
      "erp → 0003_c: 2 went well, 1 failed, 0 not possible; 3.2 ms in the middle, 45 ms at most",
      "  0002_b: 1.0 ms in the middle, 2.0 ms at most",
      "  0003_c: 2.0 ms in the middle, 42 ms at most",
      `  0003_c runs outside a transaction, here without CONCURRENTLY: ${concurrent}`,
      "  0002_b locks t: AccessExclusiveLock, so that nobody reads or writes it meanwhile",
      "  0003_c locks u: ShareLock, so that nobody writes it meanwhile",
      "  0002_b writes all of t anew: up to 8.0 MB",
      "  0003_c fails (SQLSTATE 23514) in 1 tenant: BBBB",
      "",
    ]);
  });
});
