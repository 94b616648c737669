import type { LegacyFolder } from "../../../legacy/legacy-system.ts";
import { LicenseFields } from "../../../legacy/license-fields.ts";
import { SourceError } from "../../../legacy/source-description.ts";
import type { Client } from "./clients.ts";
import { telegramId } from "./given-licenses.ts";

/** Who owns a client, as its own file says: its first super_admin. Older files have no admins. */
export async function superAdmin(folder: LegacyFolder, client: Client): Promise<number | null> {
  try {
    const admins = (await folder.rows(client.file, "admins")) ?? [];
    const fields = admins.map((row) => new LicenseFields(row));
    const owner = fields.find((each) => each.text("role") === "super_admin");
    return telegramId(owner?.text("user_id") ?? "");
  } catch (error) {
    // Whoever reads its data is told the same, and that client alone fails.
    if (error instanceof SourceError) return null;
    throw error;
  }
}
