import {
  compileBlueprint,
  lintBlueprint,
  loadBlueprints,
  parameterFaults,
  proveBaseline,
  sampleSeed,
  tryBlueprint,
} from "@tenantry/schema";
import { BLUEPRINTS } from "@tenantry/schema/blueprints";
import { acceptBlueprint, assertUnchanged, printable } from "@tenantry/tenancy";
import { WrongUse } from "../arguments/wrong-use.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { readParameters } from "../license-request.ts";
import { count } from "../output/license-text.ts";
import { lintLines } from "../output/lint-text.ts";
import { withInstallation } from "../with-installation.ts";

export const blueprintCheckCommand = defineCommand({
  description:
    "Reads a blueprint's folder, makes a tenant out of it in a scratch schema, and rolls that back.",
  positionals: [{ name: "FOLDER", required: true }],
  options: {
    param: { type: "string", multiple: true, value: "NAME=VALUE", help: "A parameter, else one is made up" },
    strict: { type: "boolean", help: "Exit with 1 when there is a warning" },
    accept: { type: "boolean", help: "Take changed migrations for what tenants have, from now on" },
  },
  details: [
    "The scratch schema is in the database of DATABASE_URL, or in the embedded one, and nobody but the check sees it.",
    "A migration that tenants already have must not have changed. --accept is for one that makes the same schema in other words,",
    "such as one in TypeScript which another version of Kysely writes otherwise. Tenants themselves aren't changed.",
    "Steps of later migrations that are dangerous to tenants in use are told as warnings, with a safer way.",
    "Exits with 0 when a tenant can be made; what is likely to be a mistake all the same is told as a warning.",
  ],
  examples: ["tenantry blueprint check ./notes", "tenantry blueprint check ./notes --param welcome=Hello"],
  run: async (context, values, [folder = ""]) => {
    const [blueprint] = (await loadBlueprints(BLUEPRINTS, [folder])).slice(BLUEPRINTS.length);
    if (blueprint === undefined) throw new Error("a folder was loaded, and no blueprint came of it");
    const compiled = await compileBlueprint(blueprint);
    const seed = sampleSeed(blueprint, readParameters(values.param ?? []));
    const faults = parameterFaults(blueprint, seed.parameters);
    if (faults.length > 0) {
      throw new WrongUse("These parameters aren't good.", "Give them with --param NAME=VALUE.", faults);
    }
    return withInstallation(context, { worker: false, blueprints: BLUEPRINTS }, async ({ ctx }) => {
      if (values.accept !== true) await assertUnchanged(ctx.control, compiled);
      const { provisioning } = ctx.placements.main;
      const { milliseconds, warnings } = await tryBlueprint(provisioning, compiled, seed);
      const lint = await lintBlueprint(compiled);
      if (blueprint.baseline !== undefined) await proveBaseline(provisioning, compiled);
      if (values.accept === true) await acceptBlueprint(ctx.control, compiled);
      const { terminal, json } = context;
      const { version, tableCount: tables } = compiled;
      const migrations = compiled.migrations.length;
      if (json) {
        terminal.json({ name: blueprint.name, version, migrations, tables, milliseconds, warnings, lint });
      } else {
        terminal.data(
          `${blueprint.name}: ${count(migrations, "migration", "migrations")}, version ${version}, ${count(tables, "table", "tables")}\n`,
        );
        for (const warning of warnings) terminal.note(`warning: ${warning}`);
        for (const line of lintLines(lint)) terminal.note(printable(line));
        terminal.note(`A tenant was made in ${Math.round(milliseconds)} ms, and rolled back.`);
      }
      const isWarned = warnings.length + lint.length > 0;
      return values.strict === true && isWarned ? EXIT.failed : EXIT.done;
    });
  },
});
