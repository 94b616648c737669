import { describe, expect, it } from "vitest";
import { type Fault, TenancyError } from "../errors.ts";
import { MAX_BACKUPS, parseOrderBackups, parseRestore } from "./backup-requests.ts";

function faultsOf(parse: (body: unknown) => unknown, body: unknown): readonly Fault[] {
  try {
    parse(body);
  } catch (error) {
    if (error instanceof TenancyError) return error.faults;
    throw error;
  }
  return [];
}

const KEY = "7QKD-M3ZT-0V5H-XA2P";

describe("a request for backups", () => {
  it("is for everything, or for the licenses that it names", () => {
    expect(parseOrderBackups({})).toEqual({ licenseKeys: null });
    expect(parseOrderBackups({ licenseKeys: [` ${KEY.toLowerCase()}`, "other"] })).toEqual({
      licenseKeys: [KEY, "OTHER"],
    });
  });

  it.each([
    [null, [""]],
    [[], [""]],
    [{ all: true }, ["/all"]],
    [{ licenseKeys: null }, ["/licenseKeys"]],
    // An empty list is no way to say everything.
    [{ licenseKeys: [] }, ["/licenseKeys"]],
    [{ licenseKeys: KEY }, ["/licenseKeys"]],
    [{ licenseKeys: [KEY, 7] }, ["/licenseKeys/1"]],
    [{ licenseKeys: ["../../etc", " ", "a\u0000"] }, ["/licenseKeys/1", "/licenseKeys/2"]],
    [{ licenseKeys: [KEY, KEY.toLowerCase()] }, ["/licenseKeys/1"]],
    [{ licenseKeys: Array.from({ length: MAX_BACKUPS + 1 }, (_, n) => `K${n}`) }, ["/licenseKeys"]],
  ])("is refused as %j", (body, pointers) => {
    expect(faultsOf(parseOrderBackups, body).map(({ pointer }) => pointer)).toEqual(pointers);
  });
});

describe("a request to restore", () => {
  it("says how", () => {
    expect(parseRestore({ mode: "replace" })).toEqual({ mode: "replace" });
    expect(parseRestore({ mode: "copy" })).toEqual({ mode: "copy" });
    expect(parseRestore({ mode: "copy", licenseKey: KEY.toLowerCase() })).toEqual({
      mode: "copy",
      licenseKey: KEY,
    });
  });

  it.each([
    [{}, ["/mode"]],
    [{ mode: "REPLACE" }, ["/mode"]],
    [{ mode: "replace", path: "/srv" }, ["/path"]],
    // A backup that came back as another tenant would be another customer's data.
    [{ mode: "replace", licenseKey: KEY }, ["/licenseKey"]],
    [{ mode: "copy", licenseKey: "" }, ["/licenseKey"]],
    [{ mode: "copy", licenseKey: "short" }, ["/licenseKey"]],
    [{ mode: "copy", licenseKey: 'A"; DROP-0000-0000-0000' }, ["/licenseKey"]],
    [{ mode: "copy", licenseKey: null }, ["/licenseKey"]],
  ])("is refused as %j", (body, pointers) => {
    expect(faultsOf(parseRestore, body).map(({ pointer }) => pointer)).toEqual(pointers);
  });
});
