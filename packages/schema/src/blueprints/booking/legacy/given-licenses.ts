import type { LicenseType } from "../../../control/tables.ts";
import type { LegacyFolder } from "../../../legacy/legacy-system.ts";
import { isObject, LicenseFields } from "../../../legacy/license-fields.ts";
import { SourceError } from "../../../legacy/source-description.ts";
import { LARGEST_TELEGRAM_ID } from "../parameters.ts";

/** Written by whoever migrates: `{ "client_001": { "licenseKey": "…", "clientName": "…", … }, … }`. */
export const GIVEN_LICENSES = "licenses.json";
const FIELDS = [
  "licenseKey",
  "clientName",
  "email",
  "phone",
  "company",
  "licenseType",
  "maxUsers",
  "maxBranches",
  "createdAt",
  "expiresAt",
  "notes",
  "adminTelegramId",
];
/** A license that ends on a day lasts through it. */
const END_OF_DAY = "23:59:59";

/** What the mapping file says of a client's license; what it doesn't say is null. */
export interface GivenLicense {
  readonly key: string | null;
  readonly clientName: string | null;
  readonly email: string | null;
  readonly phone: string | null;
  readonly company: string | null;
  readonly licenseType: LicenseType;
  readonly maxUsers: number;
  readonly maxBranches: number;
  readonly createdAt: Date | null;
  readonly expiresAt: Date | null;
  readonly notes: string | null;
  readonly adminTelegramId: number | null;
  readonly refused: string | null;
  readonly replaced: readonly string[];
}

/**
 * By client folder; empty when there is no such file.
 *
 * @throws SourceError when it is there and can't be read, or is no object
 */
export async function givenLicenses(
  folder: LegacyFolder,
  zone: string,
): Promise<ReadonlyMap<string, GivenLicense>> {
  if (!(await folder.list("")).some(({ name }) => name === GIVEN_LICENSES)) return new Map();
  const content = await folder.json(GIVEN_LICENSES);
  if (!isObject(content)) {
    const detail = `${GIVEN_LICENSES} is no object of licenses by their clients' folders.`;
    throw new SourceError("SOURCE_INVALID", GIVEN_LICENSES, detail);
  }
  return new Map(Object.entries(content).map(([name, entry]) => [name, givenLicense(entry, zone)]));
}

function givenLicense(entry: unknown, zone: string): GivenLicense {
  const members = isObject(entry) ? entry : {};
  const fields = new LicenseFields(members);
  const said = (field: string): boolean => fields.text(field) !== null;
  const createdAt = fields.moment("createdAt", zone);
  const expiresAt = fields.moment("expiresAt", zone, END_OF_DAY);
  const licenseType =
    said("licenseType") || expiresAt !== null
      ? fields.licenseType("licenseType", createdAt ?? new Date(), expiresAt)
      : "lifetime";
  if (licenseType !== "lifetime" && expiresAt === null) {
    fields.replaced.push("expiresAt says nothing: it never ends");
  }
  const unknown = Object.keys(members).filter((name) => !FIELDS.includes(name));
  fields.replaced.push(...unknown.map((name) => `${JSON.stringify(name)} is no field, and is ignored`));
  const owner = fields.text("adminTelegramId");
  const adminTelegramId = owner === null ? null : telegramId(owner);
  if (owner !== null && adminTelegramId === null) fields.faults.push("its adminTelegramId is no Telegram id");
  if (!isObject(entry)) fields.faults.push("its entry is no object");
  return {
    key: fields.text("licenseKey"),
    clientName: fields.text("clientName"),
    email: fields.text("email"),
    phone: fields.text("phone"),
    company: fields.text("company"),
    licenseType,
    maxUsers: said("maxUsers") ? fields.limit("maxUsers") : 1,
    maxBranches: said("maxBranches") ? fields.limit("maxBranches") : 1,
    createdAt,
    expiresAt,
    notes: fields.text("notes"),
    adminTelegramId,
    refused:
      fields.faults.length === 0
        ? null
        : `${GIVEN_LICENSES} doesn't tell what it is: ${fields.faults.join("; ")}.`,
    replaced: fields.replaced,
  };
}

/** Null for what is none. */
export function telegramId(text: string): number | null {
  const id = /^\d{1,16}$/.test(text) ? Number(text) : 0;
  return id >= 1 && id <= LARGEST_TELEGRAM_ID ? id : null;
}
