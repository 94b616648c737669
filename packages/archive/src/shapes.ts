import type { SnapshotFigures } from "@tenantry/schema";
import Type, { type TSchema } from "typebox";
import { Compile } from "typebox/compile";
import { ARCHIVE_FORMAT, type ArchiveHeader } from "./archive.ts";
import { ArchiveError } from "./archive-error.ts";
import type { ArchivedContents } from "./archive-sink.ts";

const TIME = Type.String({ pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?Z$" });
const SHA256 = Type.String({ pattern: "^[0-9a-f]{64}$" });
const COUNT = Type.Integer({ minimum: 0 });
const NAME = Type.String({ minLength: 1, maxLength: 63 });

// Fields that a later build of the same format adds are let through.
const FORMAT = Compile(Type.Object({ format: Type.Integer({ minimum: 1 }) }));

const HEADER = Compile(
  Type.Object({
    format: Type.Integer(),
    id: Type.String({ pattern: "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" }),
    kind: Type.Union([Type.Literal("tenant"), Type.Literal("control")]),
    takenAt: TIME,
    tool: Type.String(),
    installationId: Type.String(),
    encryption: Type.Union([
      Type.Null(),
      Type.Object({
        algorithm: Type.Literal("AES-256-GCM"),
        keyId: Type.String({ pattern: "^[0-9a-f]{16}$" }),
      }),
    ]),
  }),
);

const CONTENTS = Compile(
  Type.Object({
    license: Type.Union([
      Type.Null(),
      Type.Object({ id: Type.String(), key: Type.String(), blueprint: Type.String() }),
    ]),
    tenant: Type.Union([
      Type.Null(),
      Type.Object({
        id: Type.String(),
        schema: NAME,
        role: NAME,
        blueprint: Type.String(),
        version: Type.String(),
        placement: Type.String(),
      }),
    ]),
    schema: NAME,
    server: COUNT,
    snapshot: Type.String(),
    takenAt: TIME,
    ledger: Type.Array(Type.String()),
    tables: Type.Array(Type.Object({ name: NAME, columns: Type.Array(NAME) })),
    fingerprint: SHA256,
  }),
);

const FIGURES = Compile(
  Type.Object({
    tables: Type.Array(Type.Object({ rows: COUNT, bytes: COUNT, sha256: SHA256 })),
    sequences: Type.Array(
      Type.Object({ name: NAME, lastValue: Type.String({ pattern: "^-?\\d+$" }), isCalled: Type.Boolean() }),
    ),
  }),
);

/** @throws ArchiveError: `newer-format` for what a later build wrote, whatever else it says; `corrupt`. */
export function parseHeader(text: Buffer): ArchiveHeader {
  const value = parse("archive.json", text);
  if (!FORMAT.Check(value)) throw unshaped("archive.json");
  if (value.format > ARCHIVE_FORMAT) {
    throw new ArchiveError(
      "newer-format",
      `the archive has format ${value.format}; this version reads up to ${ARCHIVE_FORMAT}`,
    );
  }
  return checked<ArchiveHeader>("archive.json", HEADER, value);
}

/** @throws ArchiveError of kind `corrupt`. */
export function parseContents(text: Buffer, kind: ArchiveHeader["kind"]): ArchivedContents {
  const contents = checked<ArchivedContents>("contents.json", CONTENTS, parse("contents.json", text));
  const ofTenant = kind === "tenant";
  if ((contents.license !== null) !== ofTenant || (contents.tenant !== null) !== ofTenant) {
    throw unshaped("contents.json");
  }
  return contents;
}

/** @throws ArchiveError of kind `corrupt`. */
export function parseFigures(text: Buffer): SnapshotFigures {
  return checked<SnapshotFigures>("figures.json", FIGURES, parse("figures.json", text));
}

function parse(name: string, text: Buffer): unknown {
  try {
    return JSON.parse(text.toString());
  } catch (cause) {
    throw new ArchiveError("corrupt", `${name} holds no JSON`, { cause });
  }
}

function checked<T>(name: string, shape: ReturnType<typeof Compile<TSchema>>, value: unknown): T {
  if (!shape.Check(value)) throw unshaped(name);
  return value as T;
}

function unshaped(name: string): ArchiveError {
  return new ArchiveError("corrupt", `${name} doesn't say what it must`);
}
