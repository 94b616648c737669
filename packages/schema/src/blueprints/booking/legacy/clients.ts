import type { LegacyEntry, LegacyFinding, LegacyFolder } from "../../../legacy/legacy-system.ts";

const FILE = "bookings.db";
/** Where the bot's own servers have them. */
const SERVER_FOLDER = "clients";

/** A client's folder in the source. */
export interface Client {
  /** The folder's name, which is the client's. */
  readonly folder: string;
  readonly path: string;
  readonly file: string;
  readonly refused: string | null;
}

/** `client_…/bookings.db`, and `clients/…/data/bookings.db`; each may also have its file in the other's place. */
export async function findClients(
  folder: LegacyFolder,
): Promise<{ clients: Client[]; findings: LegacyFinding[] }> {
  const top = await folder.list("");
  const named = top.filter(({ name, kind }) => name.startsWith("client_") && kind !== "file");
  const served = top.some(({ name }) => name === SERVER_FOLDER) ? await folder.list(SERVER_FOLDER) : [];
  const candidates = [
    ...named.map((entry) => ({ entry, path: entry.name })),
    ...served
      .filter(({ kind }) => kind !== "file")
      .map((entry) => ({ entry, path: `${SERVER_FOLDER}/${entry.name}` })),
  ];
  const clients: Client[] = [];
  const findings: LegacyFinding[] = [];
  for (const { entry, path } of candidates) {
    const found = await findClient(folder, entry, path);
    if ("code" in found) findings.push(found);
    else clients.push(found);
  }
  return { clients, findings };
}

async function findClient(
  folder: LegacyFolder,
  entry: LegacyEntry,
  path: string,
): Promise<Client | LegacyFinding> {
  if (entry.kind !== "folder") {
    return { file: path, code: "unreadable", detail: `${path}: it is no folder.` };
  }
  const files: string[] = [];
  for (const place of [path, `${path}/data`]) {
    const has = (await folder.list(place)).some(({ name }) => name === FILE);
    if (has) files.push(`${place}/${FILE}`);
  }
  const [file, other] = files;
  if (file === undefined) {
    return { file: path, code: "entry-refused", detail: `${path}: there is no ${FILE} in it.` };
  }
  const refused = other === undefined ? null : `It has two files: ${file} and ${other}.`;
  return { folder: entry.name, path, file, refused };
}
