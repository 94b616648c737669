import { readdir, rename, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BASELINE_SUFFIX, compileBlueprint, loadBlueprintFolder, squashMigrations } from "@tenantry/schema";
import { BLUEPRINTS } from "@tenantry/schema/blueprints";
import { assertUnchanged } from "@tenantry/tenancy";
import { WrongUse } from "../arguments/wrong-use.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { count } from "../output/license-text.ts";
import { withInstallation } from "../with-installation.ts";

export const blueprintSquashCommand = defineCommand({
  description: "Makes one text out of a blueprint's migrations, which new tenants get in their place.",
  positionals: [{ name: "FOLDER", required: true }],
  options: {},
  details: [
    "Writes VERSION.baseline.sql, and takes an older one's place. The migrations stay: tenants that are behind need them, and all",
    "tenants are of the same version as before. That both make the same is proven in scratch schemas, which are rolled back.",
    "After the next migration new tenants get the baseline, and that migration.",
  ],
  examples: ["tenantry blueprint squash ./notes"],
  run: async (context, _values, [folder = ""]) => {
    const compiled = await compileBlueprint(await loadBlueprintFolder(folder, { baseline: false }));
    const { migrations, version } = compiled;
    if (migrations.length < 2) {
      throw new WrongUse(
        `The blueprint in ${folder} has one migration; there is nothing to squash.`,
        "Make the next one with `tenantry blueprint new-migration`.",
      );
    }
    return withInstallation(context, { worker: false, blueprints: BLUEPRINTS }, async ({ ctx }) => {
      await assertUnchanged(ctx.control, compiled);
      const { text, milliseconds } = await squashMigrations(ctx.placements.main.provisioning, compiled);
      const file = `${version}${BASELINE_SUFFIX}`;
      await replaceBaseline(folder, file, text);
      const { terminal, json } = context;
      if (json) terminal.json({ file: join(folder, file), migrations: migrations.length, milliseconds });
      else {
        terminal.data(`${join(folder, file)}\n`);
        const told = count(migrations.length, "migration", "migrations");
        terminal.note(`It makes what ${told} make: the same fingerprint, the same rows.`);
        const [before, now] = [milliseconds.migrations, milliseconds.baseline].map(Math.round);
        terminal.note(`Filling an empty schema took ${before} ms with them, and ${now} ms with it.`);
      }
      return EXIT.done;
    });
  },
});

/** A process that starts meanwhile finds the old one, the new one, or both and says so. */
async function replaceBaseline(folder: string, file: string, text: string): Promise<void> {
  const partial = join(folder, `.${file}.partial`);
  await writeFile(partial, text);
  await rename(partial, join(folder, file));
  const others = (await readdir(folder)).filter((name) => name.endsWith(BASELINE_SUFFIX) && name !== file);
  for (const other of others) await unlink(join(folder, other));
}
