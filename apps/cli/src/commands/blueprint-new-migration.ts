import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { WrongUse } from "../arguments/wrong-use.ts";
import { writeNewText } from "../blueprint/new-files.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";

const LONGEST = 60;
const LAST_NUMBER = 9_999;

export const blueprintNewMigrationCommand = defineCommand({
  description: "Makes the file of a blueprint's next migration, with its number.",
  positionals: [
    { name: "FOLDER", required: true },
    { name: "NAME", required: true },
  ],
  options: {
    "no-transaction": { type: "boolean", help: "For CREATE or DROP INDEX CONCURRENTLY" },
  },
  details: ["A blueprint in TypeScript lists its migrations itself."],
  examples: ["tenantry blueprint new-migration ./notes add_tags"],
  run: async ({ terminal, json }, values, [folder = "", name = ""]) => {
    const words = name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "_")
      .replace(/^_+|_+$/g, "");
    if (words === "" || words.length > LONGEST) {
      throw new WrongUse(
        `${JSON.stringify(name)} can't name a migration: letters and digits, at most ${LONGEST}.`,
        "Say in a few words what it changes: add_tags.",
      );
    }
    const number = await nextNumber(folder);
    const file = join(folder, `${String(number).padStart(4, "0")}_${words}.up.sql`);
    const outside = values["no-transaction"] === true;
    await writeNewText(
      file,
      outside
        ? "-- tenantry: no-transaction\n-- create index concurrently if not exists …\n"
        : "-- What it changes, and why.\n",
    );
    if (json) terminal.json({ file });
    else terminal.data(`${file}\n`);
    return EXIT.done;
  },
});

async function nextNumber(folder: string): Promise<number> {
  const names = await readdir(folder).catch((error: unknown) => {
    const code = String(Reflect.get(Object(error), "code"));
    throw new WrongUse(`${folder} can't be read (${code}).`, "Name a blueprint's folder.");
  });
  if (names.includes("blueprint.ts")) {
    throw new WrongUse(
      `The blueprint in ${folder} is in TypeScript and lists its migrations itself.`,
      "Add one at the end of `migrations`, with a name that sorts after the others.",
    );
  }
  const numbers = names.map((name) => Number(/^(\d{4})_.*\.up\.sql$/.exec(name)?.[1] ?? 0));
  const next = Math.max(0, ...numbers) + 1;
  if (next > LAST_NUMBER) throw new WrongUse("There is no number after 9999.", "Begin a new blueprint.");
  return next;
}
