import { type Fault, schemaFaults, textFaults, validationError } from "@tenantry/tenancy";
import type { FastifySchemaCompiler } from "fastify";
import type { TSchema } from "typebox";
import { Compile, type Validator } from "typebox/compile";

/** What a text in a query or path may have where its schema doesn't say. */
const MAX_TEXT = 256;

/**
 * Checks parameters, queries and bodies by their schemas and every text in them by the text rules, so that no route can
 * forget what PostgreSQL would refuse. Whole numbers in a query are read as such; nothing else is converted.
 */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = (route) => {
  const { schema, httpPart } = route;
  // Headers are read where they are used: their faults are told together with the body's.
  if (httpPart === "headers") return acceptAny(route);
  const validator: Validator = Compile(schema);
  const properties = propertiesOf(schema);
  return (value: unknown) => {
    // An absent body is checked as an empty one, so that the fields it lacks are listed.
    const given = httpPart === "querystring" ? readNumbers(value, properties) : (value ?? {});
    const faults = unique([...schemaFaults(validator, given), ...texts(given, properties)]);
    return faults.length > 0 ? { error: validationError(faults) } : { value: given };
  };
};

/** For a route that checks its input itself, with schemas that only document. */
export const acceptAny: FastifySchemaCompiler<TSchema> = () => (value: unknown) => ({ value });

/** For a route that checks its body itself, together with its headers. */
export const acceptAnyBody: FastifySchemaCompiler<TSchema> = (route) =>
  route.httpPart === "body" ? acceptAny(route) : validatorCompiler(route);

type Properties = Readonly<Record<string, { readonly type?: unknown; readonly maxLength?: unknown }>>;

function propertiesOf(schema: TSchema): Properties {
  return (Reflect.get(schema, "properties") as Properties | undefined) ?? {};
}

function readNumbers(value: unknown, properties: Properties): unknown {
  return Object.fromEntries(
    Object.entries(value ?? {}).map(([name, text]) => [
      name,
      properties[name]?.type === "integer" && typeof text === "string" && /^-?\d{1,15}$/.test(text)
        ? Number(text)
        : text,
    ]),
  );
}

function texts(value: unknown, properties: Properties): Fault[] {
  return Object.entries(value ?? {}).flatMap(([name, text]) => {
    const maxLength = properties[name]?.maxLength;
    return typeof text === "string" && Object.hasOwn(properties, name)
      ? textFaults(`/${name}`, text, { maxLength: typeof maxLength === "number" ? maxLength : MAX_TEXT })
      : [];
  });
}

/** A text that is too long is found by its schema and by the text rules: once is enough. */
function unique(faults: readonly Fault[]): Fault[] {
  return [...new Map(faults.map((fault) => [`${fault.pointer} ${fault.detail}`, fault])).values()];
}
