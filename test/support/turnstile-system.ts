import {
  type FoundLicenses,
  type LegacyFolder,
  type LegacyLicense,
  type LegacyMapping,
  type LegacySystem,
  type LegacyValue,
  SourceError,
} from "@tenantry/schema";

/** Only what differs: a table or column that isn't named here goes into the one of its own name. */
const mapping: LegacyMapping = {
  tables: {
    // Whose file it is was read already; the row is kept, as `legacy_lizenz`, but for its password.
    lizenz: { target: null, secrets: ["passwort"] },
    kunden: {
      target: "members",
      columns: {
        // Words of theirs to words of ours. Any other word goes to quarantine: the column has a check.
        status: { targets: ["state"], values: { aktiv: "active", gekündigt: "left" } },
        // `1.250 €` is a number; «nach Absprache» isn't. As it was written it is kept in any case.
        beitrag: {
          targets: ["fee", "fee_text"],
          pattern: { fee: "^(\\d{1,3}(?:\\.\\d{3})*|\\d+) €$" },
          strip: { fee: "." },
        },
        // Written by SQLite's CURRENT_TIMESTAMP: UTC, whatever zone a run is told to take for the others.
        seit: { targets: ["joined_at"], zone: { name: "UTC", fixed: true } },
        lizenz_id: { targets: [], reason: "whose member it is, the tenant says" },
      },
      // Copied, since members go on using their PIN; never shown in a row that couldn't be imported.
      hidden: ["pin_hash"],
    },
    gaeste: { target: "guests", columns: { gast_von: { targets: ["invited_by"] } } },
    besuche: {
      target: "visits",
      columns: { wer: { targets: ["who"] }, wer_id: { targets: ["who_id"] }, zeit: { targets: ["at"] } },
      // Generated columns carry these foreign keys. Told here, a visit of nobody is found while the file is read.
      references: [
        { column: "who_id", table: "members", when: { column: "who", in: ["member"] } },
        { column: "who_id", table: "guests", when: { column: "who", in: ["guest"] } },
      ],
    },
  },
  ignored: ["druckauftraege"],
  afterLoad: [
    `update members set last_visit = (select max(at) from visits where visits.member_id = members.id)`,
  ],
};

/** `clubs/<name>.db`: a file for each club, with its license in the only row of `lizenz`. */
async function findLicenses(folder: LegacyFolder): Promise<FoundLicenses> {
  const licenses = new Map<string, LegacyLicense>();
  const findings: FoundLicenses["findings"][number][] = [];
  for (const { name } of await folder.list("clubs")) {
    if (!name.endsWith(".db")) continue;
    const file = `clubs/${name}`;
    const row = await licenseRow(folder, file);
    const key = text(row?.schluessel);
    const other = key === null ? undefined : licenses.get(key);
    if (key === null) {
      findings.push({ file, code: "file-without-license", detail: `${file}: it tells no license.` });
    } else if (other !== undefined) {
      // Whose data they are can't be said, so neither is moved.
      licenses.set(key, { ...other, refused: `${other.source} and ${file} both say that they are it.` });
    } else {
      licenses.set(key, license(key, file, text(row?.verein) ?? name));
    }
  }
  return { licenses: [...licenses.values()], findings };
}

/** Null when there is none, or the file can't be read: one broken file never stops the others. */
async function licenseRow(folder: LegacyFolder, file: string) {
  try {
    return (await folder.rows(file, "lizenz"))?.[0] ?? null;
  } catch (error) {
    if (error instanceof SourceError) return null;
    throw error;
  }
}

function text(value: LegacyValue | undefined): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

function license(key: string, file: string, clientName: string): LegacyLicense {
  return {
    name: key,
    source: file,
    key,
    clientName,
    email: null,
    phone: null,
    company: null,
    licenseType: "lifetime",
    maxUsers: 1,
    maxBranches: 1,
    parameters: {},
    isActive: true,
    isSuspended: false,
    suspensionReason: null,
    notes: null,
    createdAt: null,
    activatedAt: null,
    expiresAt: null,
    // Nobody signs in to a club. A system whose users do gives the hash of a license without data.
    admin: null,
    file,
    schema: null,
    refused: null,
    owned: {},
    kept: [],
  };
}

export const turnstile: LegacySystem = {
  name: "turnstile",
  // Times without a zone are the clock at the clubs', unless a run says otherwise.
  timeZone: "Europe/Berlin",
  findLicenses,
  mapping,
};
