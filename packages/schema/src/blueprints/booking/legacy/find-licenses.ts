import type {
  FindOptions,
  FoundLicenses,
  LegacyFinding,
  LegacyFolder,
  LegacyLicense,
} from "../../../legacy/legacy-system.ts";
import { SourceError } from "../../../legacy/source-description.ts";
import { type Client, findClients } from "./clients.ts";
import { GIVEN_LICENSES, type GivenLicense, givenLicenses } from "./given-licenses.ts";
import { superAdmin } from "./super-admin.ts";

/** The form of the names that the blueprint gives its schemas. */
const SCHEMA_NAME = /^client_(?:\d{3}|[1-9]\d{3,8})$/;

/**
 * Finds the bot's clients, one license each. What the bot doesn't know of a license (it knows nothing of any) stands in
 * `licenses.json`, or is the default: for life, active, one user, one branch, named after its folder.
 *
 * @throws SourceError `SOURCE_INVALID` when the folder holds no client; whatever `licenses.json` can't be read for, since
 *   a client moved without the key that it was meant to have would keep the wrong one.
 */
export async function findLicenses(folder: LegacyFolder, options?: FindOptions): Promise<FoundLicenses> {
  const { clients, findings } = await findClients(folder);
  if (clients.length === 0) {
    const detail = "The folder holds neither client_…/bookings.db nor clients/…/data/bookings.db.";
    throw new SourceError("SOURCE_INVALID", "", detail);
  }
  const given = await givenLicenses(folder, options?.timeZone ?? "Europe/Moscow");
  const known = new Set(clients.map(({ folder: name }) => name));
  for (const name of given.keys()) {
    if (!known.has(name)) findings.push(forNobody(name));
  }

  const namesakes = Map.groupBy(clients, (client) => client.folder);
  const holders = Map.groupBy(
    clients.flatMap(({ folder: name }) => given.get(name)?.key?.trim().toUpperCase() ?? []),
    (key) => key,
  );
  const licenses: LegacyLicense[] = [];
  for (const client of clients) {
    const license = given.get(client.folder) ?? null;
    const sameKey = holders.get(license?.key?.trim().toUpperCase() ?? "")?.length ?? 0;
    const isAlone = namesakes.get(client.folder)?.length === 1;
    const refused =
      client.refused ??
      (isAlone ? null : "Two clients of this name are in the source.") ??
      (sameKey > 1 ? `${GIVEN_LICENSES} gives its key to another client too.` : null) ??
      license?.refused ??
      null;
    const owner = license?.adminTelegramId ?? (await superAdmin(folder, client));
    findings.push(...findingsOf(client, license, owner));
    licenses.push(
      toLicense(client, license, { name: isAlone ? client.folder : client.path, refused, owner }),
    );
  }
  return { licenses, findings };
}

function forNobody(name: string): LegacyFinding {
  const detail = `${GIVEN_LICENSES}, ${name}: the source has no client of this name.`;
  return { file: GIVEN_LICENSES, code: "entry-refused", detail };
}

function findingsOf(client: Client, license: GivenLicense | null, owner: number | null): LegacyFinding[] {
  const replaced = (license?.replaced ?? []).map(
    (what): LegacyFinding => ({
      file: GIVEN_LICENSES,
      code: "value-replaced",
      detail: `${GIVEN_LICENSES}, ${client.folder}: ${what}.`,
    }),
  );
  if (owner !== null || client.refused !== null) return replaced;
  const detail = `${client.file}: it names no super_admin, nor does ${GIVEN_LICENSES}: its tenant will have none.`;
  return [...replaced, { file: client.file, code: "value-replaced", detail }];
}

function toLicense(
  client: Client,
  given: GivenLicense | null,
  { name, refused, owner }: { name: string; refused: string | null; owner: number | null },
): LegacyLicense {
  return {
    name,
    source: client.path,
    key: given?.key ?? null,
    clientName: given?.clientName ?? client.folder,
    email: given?.email ?? null,
    phone: given?.phone ?? null,
    company: given?.company ?? null,
    licenseType: given?.licenseType ?? "lifetime",
    maxUsers: given?.maxUsers ?? 1,
    maxBranches: given?.maxBranches ?? 1,
    parameters: owner === null ? {} : { adminTelegramId: owner },
    isActive: true,
    isSuspended: false,
    suspensionReason: null,
    notes: given?.notes ?? null,
    createdAt: given?.createdAt ?? null,
    activatedAt: null,
    expiresAt: given?.expiresAt ?? null,
    admin: null,
    file: client.refused === null ? client.file : null,
    schema: SCHEMA_NAME.test(client.folder) ? client.folder : null,
    refused,
    owned: {},
    kept: [],
  };
}
