import { registerHooks } from "node:module";
import { join, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { type Blueprint, defineBlueprint } from "../blueprint/define.ts";
import { BlueprintError } from "../blueprint/errors.ts";
import type { FolderFault } from "./folder-error.ts";
import { MODULE_FILE } from "./names.ts";
import { settingsFaults } from "./settings.ts";

/** What a blueprint's module may import although its folder has no `node_modules` of its own. */
const OURS = /^(@tenantry\/schema|kysely|typebox)(\/|$)/;

/**
 * The blueprint that a folder's `blueprint.ts` exports: its default export, or the one among the named that is a blueprint.
 * What is wrong with it is added to `faults`, and null is returned.
 */
export async function loadModule(realFolder: string, faults: FolderFault[]): Promise<Blueprint | null> {
  const refuse = (detail: string, line: number | null = null, file = MODULE_FILE): null => {
    faults.push({ file, line, detail });
    return null;
  };
  let exported: Readonly<Record<string, unknown>>;
  const hooks = provideOurs(realFolder);
  try {
    exported = await import(/* @vite-ignore */ pathToFileURL(join(realFolder, MODULE_FILE)).href);
  } catch (error) {
    const { detail, line, file } = codeFault(realFolder, error);
    return refuse(detail, line, file);
  } finally {
    hooks.deregister();
  }
  const found = "default" in exported ? [exported.default] : Object.values(exported).filter(looksLikeOne);
  const [blueprint] = found;
  if (found.length !== 1 || !looksLikeOne(blueprint)) {
    const what = found.length > 1 ? "exports several blueprints" : "exports no blueprint";
    return refuse(`${what}; export one: export default defineBlueprint({ … })`);
  }
  const { name, schemaNaming, signIn, limits = [] } = blueprint;
  const wrong = settingsFaults({ name, schemaNaming, signIn, limits });
  for (const { pointer, detail } of wrong) refuse(`${pointer.slice(1)} ${detail}`);
  if (wrong.length > 0) return null;
  try {
    return defineBlueprint(blueprint);
  } catch (error) {
    if (!(error instanceof BlueprintError)) throw error;
    return refuse(error.message);
  }
}

/** An error that the author's code ended in, with its place in the folder where the stack tells it. */
export function codeFault(realFolder: string, error: unknown): FolderFault & { readonly file: string } {
  const { message, stack = "" } = error instanceof Error ? error : new Error(String(error));
  const urls = [`${pathToFileURL(realFolder).href}/`, realFolder + sep];
  const place = urls
    .map((start) =>
      stack.slice(stack.indexOf(start) < 0 ? stack.length : stack.indexOf(start) + start.length),
    )
    .map((rest) => /^([^\s:()?]+)(?:\?[^\s:]*)?:(\d+)/.exec(rest))
    .find((match) => match !== null);
  // The rest of a message of Node's own is the stack of its loader.
  const detail = message.split("\n", 1)[0] ?? "";
  return {
    file: place?.[1] ?? MODULE_FILE,
    line: place?.[2] === undefined ? null : Number(place[2]),
    detail,
  };
}

function looksLikeOne(value: unknown): value is Blueprint {
  if (value === null || typeof value !== "object") return false;
  const { migrations, seed, parameters } = value as Partial<Blueprint>;
  return (
    Array.isArray(migrations) &&
    migrations.every((each) => typeof each?.name === "string" && typeof each.up === "function") &&
    typeof seed === "function" &&
    parameters !== null &&
    typeof parameters === "object"
  );
}

/** Resolves what is ours as if it were imported from here, where the folder itself hasn't got it. */
function provideOurs(realFolder: string): { deregister(): void } {
  const inside = `${pathToFileURL(realFolder).href}/`;
  return registerHooks({
    resolve: (specifier, context, next) => {
      try {
        return next(specifier, context);
      } catch (error) {
        if (!OURS.test(specifier) || !context.parentURL?.startsWith(inside)) throw error;
        const self = specifier.replace(/^@tenantry\/schema$/, new URL("../index.ts", import.meta.url).href);
        return next(self, { ...context, parentURL: import.meta.url });
      }
    },
  });
}
