import { basename } from "node:path";
import Type, { type Static, type TSchema } from "typebox";
import { Compile } from "typebox/compile";
import type { FolderFault } from "./folder-error.ts";
import type { FolderFiles } from "./folder-files.ts";
import { PARAMETERS_FILE, SETTINGS_FILE } from "./names.ts";

const strict = { additionalProperties: false };
// None that PostgreSQL or Tenantry gives to schemas of its own.
const PREFIX = { pattern: "^(?!pg_|tenantry|warm_|restoring_|before_restore_)[a-z][a-z0-9_]{0,19}$" };

const SettingsSchema = Type.Object(
  {
    name: Type.Optional(Type.String({ pattern: "^[a-z][a-z0-9-]{0,30}$" })),
    schemaNaming: Type.Optional(
      Type.Union([
        Type.Object({ kind: Type.Literal("license-key"), prefix: Type.String(PREFIX) }, strict),
        Type.Object(
          {
            kind: Type.Literal("sequence"),
            prefix: Type.String(PREFIX),
            digits: Type.Integer({ minimum: 1, maximum: 9 }),
          },
          strict,
        ),
      ]),
    ),
    signIn: Type.Optional(Type.Boolean()),
    limits: Type.Optional(
      Type.Array(
        Type.Object(
          {
            limit: Type.Union([Type.Literal("users"), Type.Literal("branches")]),
            table: Type.String({ minLength: 1, maxLength: 63 }),
            activeColumn: Type.Union([Type.String({ minLength: 1, maxLength: 63 }), Type.Null()]),
          },
          strict,
        ),
        { maxItems: 2 },
      ),
    ),
  },
  strict,
);

/** What `blueprint.json` says, with defaults for what it doesn't. */
export type BlueprintSettings = Required<Static<typeof SettingsSchema>>;

const settingsValidator = Compile(SettingsSchema);

const WHAT_SETTINGS_ARE: Readonly<Record<string, string>> = {
  "/name": "must be lower-case letters, digits and -, at most 31, and begin with a letter",
  "/schemaNaming":
    'must be {"kind": "license-key", "prefix": "notes_"} or {"kind": "sequence", "prefix": "notes_", "digits": 3}; a prefix has lower-case letters, digits and _, and begins neither with pg_ nor tenantry',
  "/signIn": "must be true or false",
  "/limits":
    'must be a list such as [{"limit": "users", "table": "users", "activeColumn": "is_active"}]; limit is users or branches, activeColumn may be null',
};

/** Adds what is wrong to `faults`. */
export function readSettings({ realFolder, texts }: FolderFiles, faults: FolderFault[]): BlueprintSettings {
  const file = SETTINGS_FILE;
  const text = texts.get(file) ?? "";
  const given = parseJson(texts, file, faults) ?? {};
  const defaults: BlueprintSettings = {
    name: basename(realFolder),
    schemaNaming: { kind: "license-key", prefix: "tenant_" },
    signIn: false,
    limits: [],
  };
  const wrong = settingsFaults(given);
  for (const { pointer, detail } of wrong) {
    const key = pointer.slice(1);
    faults.push({ file, line: lineOfKey(text, key), detail: key === "" ? detail : `"${key}" ${detail}` });
  }
  if (!settingsValidator.Check(given)) return defaults;
  const settings = { ...defaults, ...given };
  if (!settingsValidator.Check({ name: settings.name })) {
    const detail = `the folder's name can't be the blueprint's, which ${WHAT_SETTINGS_ARE["/name"]}; say "name" in ${file}`;
    faults.push({ file: null, line: null, detail });
  }
  return settings;
}

/** What is wrong with settings, each at the first part of its JSON Pointer: `/name`; the whole is "". */
export function settingsFaults(given: unknown): { readonly pointer: string; readonly detail: string }[] {
  if (settingsValidator.Check(given)) return [];
  const pointers = settingsValidator.Errors(given).flatMap((error) => {
    const unknown = Reflect.get(error.params, "additionalProperties");
    const top = /^\/[^/]*/.exec(error.instancePath)?.[0];
    return top === undefined ? (Array.isArray(unknown) ? unknown.map((name) => `/${name}`) : [""]) : [top];
  });
  const known = Object.keys(WHAT_SETTINGS_ARE).map((pointer) => pointer.slice(1));
  return [...new Set(pointers)].map((pointer) => ({
    pointer,
    detail:
      pointer === ""
        ? "must be a JSON object"
        : (WHAT_SETTINGS_ARE[pointer] ?? `is not known; there are ${known.join(", ")}`),
  }));
}

/** `parameters.json`: JSON Schema of an object; none may be given without it. Adds what is wrong to `faults`. */
export function readParameters(texts: ReadonlyMap<string, string>, faults: FolderFault[]): TSchema {
  const file = PARAMETERS_FILE;
  const none = Type.Object({}, strict);
  const given = parseJson(texts, file, faults);
  if (given === undefined) return none;
  const refuse = (detail: string): TSchema => {
    faults.push({ file, line: 1, detail });
    return none;
  };
  if (given === null || typeof given !== "object" || Reflect.get(given, "type") !== "object") {
    return refuse('must be the JSON Schema of an object: {"type": "object", "properties": {…}}');
  }
  const properties: unknown = Reflect.get(given, "properties") ?? {};
  if (properties === null || typeof properties !== "object" || Array.isArray(properties)) {
    return refuse('"properties" must be an object');
  }
  try {
    // A field that nobody asked for is a typing error, unless the author says otherwise.
    const schema: TSchema = { additionalProperties: false, ...given };
    Compile(schema).Check({});
    return schema;
  } catch (error) {
    return refuse(`is no JSON Schema: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Names of the parameters that a schema describes. */
export function parameterNames(parameters: TSchema): string[] {
  return Object.keys(Object(Reflect.get(parameters, "properties")));
}

/** Undefined when there is no such file, or none that can be understood. */
export function parseJson(texts: ReadonlyMap<string, string>, file: string, faults: FolderFault[]): unknown {
  const text = texts.get(file);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    const message = (error instanceof Error ? error.message : String(error)).replace(/\s+/g, " ");
    // V8 says it for most faults.
    const line = /\(line (\d+) column/.exec(message)?.[1];
    faults.push({ file, line: line === undefined ? null : Number(line), detail: `is not JSON: ${message}` });
    return undefined;
  }
}

function lineOfKey(text: string, key: string): number | null {
  const at = key === "" ? -1 : text.indexOf(`"${key}"`);
  return at < 0 ? null : text.slice(0, at).split("\n").length;
}
