import { hash } from "node:crypto";

declare const checked: unique symbol;

/** Where something lies in a store: made by the server and checked, never taken from a request as it is. */
export type StoreName = string & { readonly [checked]: true };

const PLAIN_KEY = /^[0-9A-Z][0-9A-Z-]{0,63}$/;
const OWNER = "(?:[0-9A-Z][0-9A-Z-]{0,63}|~[0-9a-f]{32})";
const FILE = "\\d{8}T\\d{6}Z-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\\.tar(?:\\.key)?";
const PATTERN = new RegExp(`^(?:(?:tenants/${OWNER}|control)/${FILE}|erased/[0-9a-f]{64})$`);

/** The name, if it is one that this system makes; null for anything else. */
export function storeName(text: string): StoreName | null {
  return PATTERN.test(text) ? (text as StoreName) : null;
}

/**
 * Where the archives of one license lie: `tenants/<license key>/`. A key that came out of a legacy system may hold what a
 * file's name can't: then it is `tenants/~<32 hex digits of its SHA-256>/`. No two keys share a folder.
 */
export function tenantFolder(licenseKey: string): string {
  const owner = PLAIN_KEY.test(licenseKey)
    ? licenseKey
    : `~${hash("sha256", licenseKey, "hex").slice(0, 32)}`;
  return `tenants/${owner}/`;
}

/**
 * Where an archive lies: `control/<UTC second>-<id>.tar`, or the same in a license's folder.
 *
 * Throws a `TypeError` for parts that would make no such name: they never come from outside unchecked.
 */
export function archiveName(input: {
  readonly kind: "tenant" | "control";
  readonly licenseKey: string | null;
  readonly takenAt: Date;
  readonly id: string;
}): StoreName {
  const second = input.takenAt.toISOString().replaceAll(/[-:]|\.\d+/g, "");
  return made(`${folderOf(input)}${second}-${input.id}.tar`);
}

/** Where an archive's wrapped key lies: beside it. */
export function keyName(archive: StoreName): StoreName {
  return made(`${archive}.key`);
}

/** Where a store remembers that a license was erased. `licenseHash` is the SHA-256 of its id, hex. */
export function erasedName(licenseHash: string): StoreName {
  return made(`erased/${licenseHash}`);
}

function folderOf({ kind, licenseKey }: { kind: "tenant" | "control"; licenseKey: string | null }): string {
  if (kind === "control") return "control/";
  if (licenseKey === null) throw new TypeError("A tenant's backup is of some license");
  return tenantFolder(licenseKey);
}

function made(text: string): StoreName {
  const name = storeName(text);
  if (name === null) throw new TypeError("Not a name that a backup store holds");
  return name;
}
