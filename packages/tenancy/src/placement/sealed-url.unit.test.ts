import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { SealedUrlError, sealUrl, unsealUrl } from "./sealed-url.ts";

const ctx = { secret: randomBytes(32) };
const URL_WITH_PASSWORD = "postgres://owner:p%C3%A4ss-w0rd@db2.example:5433/tenants?sslmode=require";

describe("the address of a placement", () => {
  it("comes back as it was given", () => {
    expect(unsealUrl(ctx, "berlin", sealUrl(ctx, "berlin", URL_WITH_PASSWORD))).toBe(URL_WITH_PASSWORD);
  });

  it("shows neither password nor host where it is kept, and never looks the same twice", () => {
    const sealed = sealUrl(ctx, "berlin", URL_WITH_PASSWORD);
    for (const part of ["p%C3%A4ss-w0rd", "db2.example", "owner"]) expect(sealed.includes(part)).toBe(false);
    expect(sealUrl(ctx, "berlin", URL_WITH_PASSWORD).equals(sealed)).toBe(false);
  });

  it("is refused for a placement of another name", () => {
    const sealed = sealUrl(ctx, "berlin", URL_WITH_PASSWORD);
    expect(() => unsealUrl(ctx, "paris", sealed)).toThrow(SealedUrlError);
  });

  it("is refused under another installation's secret", () => {
    const sealed = sealUrl({ secret: randomBytes(32) }, "berlin", URL_WITH_PASSWORD);
    expect(() => unsealUrl(ctx, "berlin", sealed)).toThrow(SealedUrlError);
  });

  it("is refused when any byte of it was changed, or any were cut off, without a word of what it held", () => {
    const sealed = sealUrl(ctx, "berlin", URL_WITH_PASSWORD);
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = Buffer.from(sealed);
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
      for (const damaged of [changed, sealed.subarray(0, at)]) {
        const refusal = refusalOf(() => unsealUrl(ctx, "berlin", damaged));
        expect(refusal).toBeInstanceOf(SealedUrlError);
        expect(String(refusal)).not.toMatch(/owner|db2|w0rd/);
      }
    }
  });
});

function refusalOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}
