import { describe, expect, it } from "vitest";
import { generateLicenseKey, normalizeLicenseKey } from "./license-key.ts";
import { licenseStatus } from "./license-status.ts";
import { licenseEnd } from "./license-term.ts";

const now = new Date("2026-06-01T12:00:00Z");

describe("a license key", () => {
  it("has sixteen letters and digits that can't be mistaken for one another", () => {
    const keys = Array.from({ length: 2_000 }, generateLicenseKey);
    for (const key of keys) expect(key).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/);
    expect(new Set(keys).size).toBe(keys.length);
    // 80 random bits: every character of the alphabet turns up in every place.
    for (const place of [0, 3, 5, 18]) expect(new Set(keys.map((key) => key[place])).size).toBe(32);
  });

  it("is read as people type it", () => {
    expect(normalizeLicenseKey("  7qkd-m3zt-0v5h-xa2p ")).toBe("7QKD-M3ZT-0V5H-XA2P");
  });
});

describe("a license's status", () => {
  const good = { is_active: true, suspended_at: null, expires_at: null };
  const past = new Date(now.getTime() - 1);
  it.each([
    ["active", good],
    ["active", { ...good, expires_at: new Date(now.getTime() + 1) }],
    ["expired", { ...good, expires_at: now }],
    ["expired", { ...good, expires_at: past }],
    ["suspended", { ...good, suspended_at: past, expires_at: past }],
    ["inactive", { ...good, is_active: false, suspended_at: past, expires_at: past }],
  ])("is %s for %o", (status, facts) => {
    expect(licenseStatus(facts, now)).toBe(status);
  });
});

describe("a license's end", () => {
  it.each([
    ["trial", 30],
    ["monthly", 30],
    ["quarterly", 91],
    ["semi_annual", 182],
    ["yearly", 365],
  ] as const)("of type %s comes after %d days", (licenseType, days) => {
    expect(licenseEnd({ licenseType }, now)).toEqual(new Date(now.getTime() + days * 86_400_000));
  });

  it("never comes for a lifetime license, unless the sale says otherwise", () => {
    expect(licenseEnd({ licenseType: "lifetime" }, now)).toBeNull();
    expect(licenseEnd({ licenseType: "lifetime", durationDays: 1 }, now)).toEqual(
      new Date("2026-06-02T12:00:00Z"),
    );
    const expiresAt = new Date("2030-01-01T00:00:00Z");
    expect(licenseEnd({ licenseType: "trial", expiresAt }, now)).toEqual(expiresAt);
  });
});
