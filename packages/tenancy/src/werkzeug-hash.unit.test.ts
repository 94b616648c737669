import { pbkdf2Sync, scryptSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { passwordForm, verifyPassword } from "./password.ts";

const pbkdf2Hash = (password: string, digest: string, rounds: number, bytes: number): string =>
  `pbkdf2:${digest}:${rounds}$pqXJQ4I9dOv8GZ4f$${pbkdf2Sync(password, "pqXJQ4I9dOv8GZ4f", rounds, bytes, digest).toString("hex")}`;

const SAMPLE =
  "pbkdf2:sha256:260000$xFeUZCRjAbNX7iFd$86c0c973ed68485c75bbb7825f1bac4752f9463c1be69ac0e1a611ed2a43ed4a";

describe("a password that moved in with a hash of Werkzeug", () => {
  // Logins that the legacy program itself made, of the samples of its files.
  it.each([
    [
      "Nokhba@2025",
      "scrypt:32768:8:1$ZYMmLOPIwFQuYhrs$47e70af637101db6c67de940853a37b76813bef92ca790f7d0ccba79b82775d69e538c929b1df9cc794c90530bf431feee603fc1cfd32c5ca8e98cd302c22146",
    ],
    ["Cashier#77pass", SAMPLE],
    [
      "FreshTenant9!",
      "scrypt:32768:8:1$iF8nfMaunlNy5yX0$d768c0a26921a78c7089a2a84ac64dd2c96731ffcf1a56e0e50182458ee4834bcbb82558d3345ba88ffc047f11d6ee2bce0eedd1c449bf40bef41f9bafe902db",
    ],
    [
      "كلمة-السر-١٢٣",
      "pbkdf2:sha256:260000$Y3rNJdqL2kVF8thr$3ede69db16294c7718a453a92e9973d0eabc2b1abe7508106972ab80fa215cb8",
    ],
  ])("still is %s", async (password, stored) => {
    expect(passwordForm(stored)).toBe("werkzeug");
    expect(await verifyPassword(password, stored)).toBe(true);
    expect(await verifyPassword(`${password} `, stored)).toBe(false);
    expect(await verifyPassword("", stored)).toBe(false);
  });

  it.each([
    ["sha1", 1_000, 20],
    ["sha256", 600_000, 32],
    ["sha256", 1_000_000, 32],
    ["sha512", 250_000, 64],
  ])("is checked with %s and %i rounds too", async (digest, rounds, bytes) => {
    const stored = pbkdf2Hash("correct horse", digest, rounds, bytes);
    expect(await verifyPassword("correct horse", stored)).toBe(true);
    expect(await verifyPassword("correct horsf", stored)).toBe(false);
  });

  it("is checked with other costs of scrypt, and any text as salt", async () => {
    const salt = "ملح/+ =";
    const key = scryptSync("correct horse", salt, 64, { N: 1024, r: 4, p: 3 }).toString("hex");
    expect(await verifyPassword("correct horse", `scrypt:1024:4:3$${salt}$${key}`)).toBe(true);
    expect(await verifyPassword("correct horse", `scrypt:1024:4:2$${salt}$${key}`)).toBe(false);
  });

  it("is compared as it was typed: Werkzeug composes no letters", async () => {
    const decomposed = "cafe\u0301";
    const stored = pbkdf2Hash(decomposed, "sha256", 1_000, 32);
    expect(await verifyPassword(decomposed, stored)).toBe(true);
    expect(await verifyPassword("caf\u00e9", stored)).toBe(false);
  });
});

describe("a stored hash that isn't Werkzeug's, or asks for too much", () => {
  const hex32 = "a".repeat(64);
  const hex64 = "a".repeat(128);

  it.each([
    ["a round too many", `pbkdf2:sha256:1000001$salt$${hex32}`],
    ["a round too many of a slower digest", `pbkdf2:sha512:250001$salt$${hex64}`],
    ["no rounds", `pbkdf2:sha256:0$salt$${hex32}`],
    ["unsaid rounds", `pbkdf2:sha256$salt$${hex32}`],
    ["another digest", `pbkdf2:md5:1000$salt$${hex32}`],
    ["a short key, easily met", "pbkdf2:sha256:1000$salt$aaaa"],
    ["the key of another digest", `pbkdf2:sha256:1000$salt$${hex64}`],
    ["no salt", `pbkdf2:sha256:1000$$${hex32}`],
    ["scrypt with gigabytes", `scrypt:8388608:8:1$salt$${hex64}`],
    ["scrypt with many lanes", `scrypt:32768:8:2$salt$${hex64}`],
    ["scrypt with an odd cost", `scrypt:32767:8:1$salt$${hex64}`],
    ["scrypt with no blocks", `scrypt:32768:0:1$salt$${hex64}`],
    ["scrypt with cost 1", `scrypt:1:8:1$salt$${hex64}`],
    ["scrypt with a short key", `scrypt:32768:8:1$salt$${hex32}`],
    ["a plain password of Werkzeug's oldest form", "plain$$correct horse"],
    ["a salted SHA-1", "sha1$salt$da39a3ee5e6b4b0d3255bfef95601890afd80709"],
    ["something before it", ` ${SAMPLE}`],
    ["something after it", `${SAMPLE}\n`],
  ])("never matches: %s", async (_, stored) => {
    expect(passwordForm(stored)).toBe("unknown");
    expect(await verifyPassword("correct horse", stored)).toBe(false);
  });
});
