import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbeddedPostgres } from "@tenantry/embedded";
import { ensureOwnedDatabase } from "@tenantry/schema";
import { afterAll } from "vitest";
import type { TestDatabase } from "./database.ts";
import { withAdmin } from "./database.ts";

/** A PostgreSQL server of one test file's own, for what would disturb everybody else's tests. */
export interface PrivateServer {
  /** Where its files are. */
  readonly dataDir: string;
  readonly superuserUrl: string;
  /** @param tablespace where its tables lie, made before */
  createDatabase(name: string, tablespace?: string): Promise<TestDatabase>;
}

/** Starts one; it is stopped and removed after the file. */
export async function startPrivateServer(): Promise<PrivateServer> {
  const dataDir = mkdtempSync(join(tmpdir(), "tenantry-test-private-"));
  const { superuserUrl, stop } = await startEmbeddedPostgres({ dataDir, ephemeral: true });
  afterAll(async () => {
    await stop();
    rmSync(dataDir, { recursive: true, force: true });
  });
  return {
    dataDir,
    superuserUrl,
    createDatabase: async (name, tablespace) => {
      const url = await ensureOwnedDatabase({ superuserUrl, name, password: "only for tests" });
      const adminUrl = new URL(superuserUrl);
      adminUrl.pathname = `/${name}`;
      if (tablespace !== undefined) {
        await withAdmin(superuserUrl, (client) =>
          client.query(`ALTER DATABASE ${name} SET TABLESPACE ${tablespace}`),
        );
      }
      return { url, adminUrl: adminUrl.href };
    },
  };
}
