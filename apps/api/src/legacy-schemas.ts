import {
  LEGACY_FORESIGHTS,
  LEGACY_OUTCOMES,
  OPERATION_STATES,
  QUARANTINE_CODES,
  QUARANTINE_STATES,
} from "@tenantry/schema";
import { LegacyMigrationRequest, RetryQuarantineRequest } from "@tenantry/tenancy";
import Type, { type TSchema, type TStringOptions } from "typebox";

const text = (options: TStringOptions = {}) => Type.String(options);
const count = (options = {}) => Type.Integer({ minimum: 0, ...options });
const nullable = (schema: TSchema) => Type.Union([schema, Type.Null()]);
const oneOf = (values: readonly string[]) => Type.Enum([...values]);

/** The states of a license within a legacy migration; `planned` is one that nobody is to move: in a dry run. */
export const LEGACY_ITEM_STATES = ["planned", ...OPERATION_STATES] as const;

const counts = (names: readonly string[], description: string) =>
  Type.Object(Object.fromEntries(names.map((name) => [name, count()])), { description });

const ItemTable = Type.Object({
  source: text({ description: "The table's name in the file" }),
  target: text({ description: "The table's name in the tenant's schema" }),
  extra: Type.Boolean({ description: "The blueprint doesn't know it: it is kept as `legacy_…`" }),
  rows: count({ description: "By the plan" }),
  read: nullable(count({ description: "Null until the file was read" })),
  copied: nullable(count()),
  quarantined: nullable(count()),
});

const ItemDifferences = Type.Object(
  {
    missingTables: Type.Array(text()),
    missingColumns: Type.Array(Type.Object({ table: text(), column: text() })),
    unknownTables: Type.Array(Type.Object({ table: text(), as: text(), rows: count() })),
    unknownColumns: Type.Array(Type.Object({ table: text(), column: text(), as: text() })),
    leftOut: Type.Array(Type.Object({ table: text(), column: nullable(text()), reason: text() })),
  },
  { description: "How the file differs from the blueprint's tables" },
);

/** A value of a legacy file in JSON. */
const LegacyValue = Type.Union(
  [
    Type.Null(),
    text(),
    Type.Number(),
    Type.Object({ integer: text() }, { description: "A whole number that JSON can't hold exactly" }),
    Type.Object({ real: oneOf(["Infinity", "-Infinity"]) }),
    Type.Object({ bytes: text() }, { description: "A blob, in base64" }),
    Type.Object({ text: text() }, { description: "Text that is no UTF-8 or holds NUL, in base64" }),
  ],
  { $id: "LegacyValue" },
);

const LegacyRow = Type.Record(Type.String(), Type.Ref("LegacyValue#"), {
  description: "Columns of the file and their values",
});

/** Shapes of legacy migrations in the OpenAPI document, beside those of `schemas.ts`. They document; they don't filter. */
export const LEGACY_COMPONENTS: readonly TSchema[] = [
  {
    ...LegacyMigrationRequest,
    $id: "LegacyMigration",
    examples: [{ system: "ded", path: "old-server", dryRun: true }],
  },
  LegacyValue,
  { ...RetryQuarantineRequest, $id: "RetryQuarantine" },
  Type.Object(
    {
      imported: count(),
      refused: Type.Array(
        Type.Object({ id: text(), column: text(), code: oneOf(QUARANTINE_CODES), reason: text() }),
      ),
    },
    { $id: "QuarantineRetry" },
  ),
  Type.Object(
    {
      id: text({ format: "uuid" }),
      system: text(),
      blueprint: text(),
      source: text({ description: "The source's folder on the worker's machine" }),
      state: oneOf(OPERATION_STATES),
      actor: text({ description: "Who asked for it" }),
      figures: Type.Ref("LegacyFigures#"),
      findings: Type.Array(Type.Object({ file: text(), code: text(), detail: text() })),
      licenses: Type.Array(Type.Object({}, { additionalProperties: true })),
    },
    {
      $id: "LegacyReport",
      additionalProperties: true,
      description:
        "Each license as in the list of items, with its certificate of migration and its quarantine by reason",
    },
  ),
  Type.Object(
    {
      licenses: counts(["total", ...LEGACY_ITEM_STATES], "By state"),
      foresight: counts(LEGACY_FORESIGHTS, "By what the plan expects to become of them"),
      outcomes: counts(LEGACY_OUTCOMES, "By what became of them"),
      rows: Type.Object({ planned: count(), done: count(), quarantined: count() }),
      rowsPerSecond: nullable(count({ description: "Lately; of the whole run when it has ended" })),
      estimatedEnd: nullable(text({ format: "date-time", description: "Null unless it runs" })),
      findings: count({ description: "What somebody should know of the source as a whole" }),
    },
    { $id: "LegacyFigures", description: "How far a legacy migration is" },
  ),
  Type.Object(
    {
      id: text({ format: "uuid" }),
      name: text({ description: "Which license it is within the source: its key, or its folder" }),
      source: text({ examples: ["licenses_master.db, license 4"] }),
      licenseKey: nullable(text()),
      clientName: text(),
      state: oneOf(LEGACY_ITEM_STATES),
      foresight: oneOf(LEGACY_FORESIGHTS),
      outcome: nullable(oneOf(LEGACY_OUTCOMES)),
      operationId: nullable(text({ format: "uuid", description: "The child that moves it" })),
      file: nullable(text()),
      sha256: nullable(text()),
      bytes: nullable(count()),
      rowsPlanned: count(),
      rowsDone: count({ description: "Rows that its tenant got" }),
      tables: Type.Array(ItemTable),
      differences: nullable(ItemDifferences),
      quarantined: count(),
      error: Type.Optional(Type.Ref("Problem#")),
      notes: Type.Array(text()),
    },
    { $id: "LegacyItem", description: "One license of a legacy source" },
  ),
  Type.Object(
    {
      id: text(),
      licenseKey: nullable(text()),
      license: text({ description: "The license's name within the source" }),
      table: text({ description: "The table's name in the file" }),
      target: text(),
      rowId: text({ description: "The row's id in the file" }),
      column: text({ description: "The column that is the trouble" }),
      code: oneOf(QUARANTINE_CODES),
      reason: text(),
      value: Type.Ref("LegacyValue#"),
      row: LegacyRow,
      state: oneOf(QUARANTINE_STATES),
      changedAt: nullable(text({ format: "date-time" })),
      changedBy: nullable(text()),
    },
    {
      $id: "QuarantinedRow",
      description: "A row that wasn't imported, as it was; columns with secrets left out",
    },
  ),
];

export type LegacyComponentName =
  | "LegacyMigration"
  | "LegacyValue"
  | "LegacyFigures"
  | "LegacyItem"
  | "LegacyReport"
  | "QuarantinedRow"
  | "QuarantineRetry"
  | "RetryQuarantine";
