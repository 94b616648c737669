import { basename, resolve } from "node:path";
import { WrongUse } from "../arguments/wrong-use.ts";
import { fillNewFolder } from "../blueprint/new-files.ts";
import { sqlTemplate, typescriptTemplate } from "../blueprint/templates.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";

const NAME = /^[a-z][a-z0-9-]{0,30}$/;

export const blueprintInitCommand = defineCommand({
  description: "Makes the folder of a blueprint of your own: a small one, which can be used as it is.",
  positionals: [{ name: "FOLDER", required: true }],
  options: {
    name: { type: "string", value: "NAME", help: "The blueprint's name (default: the folder's)" },
    "sign-in": { type: "boolean", help: "With users who sign in, as many as the license allows" },
    typescript: { type: "boolean", help: "In TypeScript, in place of SQL" },
  },
  details: ["What the files say is told in docs/blueprints.md."],
  examples: ["tenantry blueprint init ./notes --sign-in", "tenantry blueprint init ./tasks --typescript"],
  run: async ({ terminal, json }, values, [folder = ""]) => {
    const name = values.name ?? basename(resolve(folder)).toLowerCase();
    if (!NAME.test(name)) {
      throw new WrongUse(
        `${JSON.stringify(name)} can't be a blueprint's name: lower-case letters, digits and -, at most 31.`,
        "Say another with --name.",
      );
    }
    const signIn = values["sign-in"] === true;
    if (signIn && values.typescript === true) {
      throw new WrongUse("--sign-in is for a blueprint in SQL.", "Leave one of the two out.");
    }
    const files = values.typescript === true ? typescriptTemplate(name) : sqlTemplate(name, signIn);
    await fillNewFolder(folder, files);
    if (json) terminal.json({ name, folder, files: Object.keys(files) });
    else {
      terminal.data(`${Object.keys(files).join("\n")}\n`);
      terminal.note(
        `Now \`tenantry blueprint check ${folder}\`, and TENANTRY_BLUEPRINTS=${folder} to use it.`,
      );
    }
    return EXIT.done;
  },
});
