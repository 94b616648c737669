import { describe, expect, it } from "vitest";
import { DECOY_HASH, hashPassword, verifyPassword } from "./password.ts";

describe("a password", () => {
  it("is kept as Argon2id with 19 MiB, two passes and a salt of its own", async () => {
    const [one, two] = await Promise.all([hashPassword("correct horse"), hashPassword("correct horse")]);
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(one).not.toBe(two);
    expect(await verifyPassword("correct horse", one)).toBe(true);
    expect(await verifyPassword("correct horsf", one)).toBe(false);
  });

  it("is the same password however a keyboard composes its letters", async () => {
    const hash = await hashPassword("cafe\u0301 القهوة");
    expect(await verifyPassword("caf\u00e9 القهوة", hash)).toBe(true);
  });

  it("matches a hash of the reference implementation", async () => {
    // `echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -e`, with the command of the reference implementation.
    const reference =
      "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    expect(await verifyPassword("password", reference)).toBe(true);
    expect(await verifyPassword("Password", reference)).toBe(false);
  });

  it.each([
    ["nothing", ""],
    ["a plain password", "correct horse"],
    ["another algorithm's hash", "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW"],
    ["a hash that asks for 4 GiB", "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q"],
  ])("never matches %s", async (_, stored) => {
    expect(await verifyPassword("correct horse", stored)).toBe(false);
  });

  it("never matches the decoy, in about the time of a real check", async () => {
    expect(await verifyPassword("", DECOY_HASH)).toBe(false);
  });
});
