import { describe, expect, it } from "vitest";
import { archiveName, erasedName, keyName, storeName, tenantFolder } from "./store-name.ts";

const id = "0199c0de-0000-7000-8000-000000000001";
const takenAt = new Date("2026-11-23T02:01:39.250Z");

describe("names in a backup store", () => {
  it("says whose backup it is and from when", () => {
    const name = archiveName({ kind: "tenant", licenseKey: "AB12-CD34-EF56-GH78", takenAt, id });
    expect(name).toBe(`tenants/AB12-CD34-EF56-GH78/20261123T020139Z-${id}.tar`);
    expect(keyName(name)).toBe(`${name}.key`);
    expect(archiveName({ kind: "control", licenseKey: null, takenAt, id })).toBe(
      `control/20261123T020139Z-${id}.tar`,
    );
    expect(erasedName("a".repeat(64))).toBe(`erased/${"a".repeat(64)}`);
  });

  it.each([
    "",
    "/etc/passwd",
    "../control/x.tar",
    `control/../20261123T020139Z-${id}.tar`,
    `/control/20261123T020139Z-${id}.tar`,
    `control/20261123T020139Z-${id}.tar\n`,
    `control/20261123T020139Z-${id}.tar\0`,
    `control/20261123T020139Z-${id}.tar.partial`,
    `control/20261123T020139Z-${id}.tar.key.key`,
    `tenants/../20261123T020139Z-${id}.tar`,
    `tenants/ab12-cd34-ef56-gh78/20261123T020139Z-${id}.tar`,
    `tenants/~../20261123T020139Z-${id}.tar`,
    `tenants/~AB12/20261123T020139Z-${id}.tar`,
    `control\\20261123T020139Z-${id}.tar`,
    `control/20261123T020139Z-${id.toUpperCase()}.tar`,
  ])("knows no name %j", (text) => {
    expect(storeName(text)).toBeNull();
  });

  it.each([
    "../..",
    "AB12-CD34-EF56-GH78/..",
    ".",
    "",
    "straße 7/8",
    "\0",
    "-AB",
    "ab12-cd34-ef56-gh78",
    "A".repeat(65),
  ])("has a folder without any trick for the legacy license key %j", (licenseKey) => {
    expect(tenantFolder(licenseKey)).toMatch(/^tenants\/~[0-9a-f]{32}\/$/);
    const name = archiveName({ kind: "tenant", licenseKey, takenAt, id });
    expect(name).toBe(`${tenantFolder(licenseKey)}20261123T020139Z-${id}.tar`);
    expect(storeName(keyName(name))).not.toBeNull();
  });

  it("leaves a legacy license key readable where it can, and mixes no two up", () => {
    expect(tenantFolder("GOOD-1")).toBe("tenants/GOOD-1/");
    expect(tenantFolder("A/B")).not.toBe(tenantFolder("A_B"));
  });

  it("makes none for a tenant's backup without a license", () => {
    expect(() => archiveName({ kind: "tenant", licenseKey: null, takenAt, id })).toThrow(TypeError);
  });

  it("makes none for an id that leads elsewhere", () => {
    expect(() => archiveName({ kind: "control", licenseKey: null, takenAt, id: "../../x" })).toThrow(
      TypeError,
    );
  });
});
