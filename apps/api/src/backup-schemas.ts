import { BACKUP_KINDS, BACKUP_STATES, OrderBackupsRequest, RestoreRequest } from "@tenantry/tenancy";
import Type, { type TSchema, type TStringOptions } from "typebox";

const text = (options: TStringOptions = {}) => Type.String(options);
const time = (description: string) => Type.String({ format: "date-time", description });
const count = (description?: string) => Type.Integer({ minimum: 0, ...(description && { description }) });
const nullable = (schema: TSchema) => Type.Union([schema, Type.Null()]);
const oneOf = (values: readonly string[], description: string) => Type.Enum([...values], { description });

/** Shapes of backups in the OpenAPI document, beside those of `schemas.ts`. They document; they don't filter. */
export const BACKUP_COMPONENTS: readonly TSchema[] = [
  {
    ...OrderBackupsRequest,
    $id: "OrderBackups",
    examples: [{}, { licenseKeys: ["7QKD-M3ZT-0V5H-XA2P"] }],
  },
  { ...RestoreRequest, $id: "Restore", examples: [{ mode: "replace" }, { mode: "copy" }] },
  Type.Object(
    {
      id: text({ format: "uuid" }),
      kind: oneOf(
        BACKUP_KINDS,
        "`control`: licenses, tenants, keys and history. `last`: of a deleted tenant",
      ),
      licenseKey: nullable(text({ examples: ["7QKD-M3ZT-0V5H-XA2P"] })),
      state: oneOf(BACKUP_STATES, "`gone`: removed by the retention, or erased"),
      takenAt: nullable(time("The moment that all its rows are of")),
      bytes: nullable(count("Of the archive as it is stored")),
      rows: nullable(count()),
      tables: nullable(count()),
      blueprint: nullable(text()),
      version: nullable(text({ description: "The blueprint's, at that moment" })),
      encrypted: Type.Boolean(),
      sha256: nullable(text({ description: "Of the archive as it is stored, in hex" })),
      checkedAt: nullable(time("When its hashes were last found right")),
      verifiedAt: nullable(time("When it was last restored into a scratch schema and found equal")),
      trouble: nullable(
        Type.Object(
          { code: text({ examples: ["BACKUP_CORRUPT"] }), detail: text() },
          { description: "What the last look at it found wrong; such a one counts as good no longer" },
        ),
      ),
      operationId: text({ format: "uuid", description: "What made it, or brought it in" }),
    },
    { $id: "Backup" },
  ),
  Type.Object(
    {
      id: text({ format: "uuid" }),
      licenseKey: text(),
      schema: text({ description: "The PostgreSQL schema, which no role of a tenant can enter" }),
      operationId: text({ format: "uuid", description: "The restore that put it aside" }),
      keptAt: time("When it was put aside"),
      dropAfter: time("When it goes by itself"),
    },
    { $id: "KeptSchema", description: "A tenant's data as it was before a restore replaced it" },
  ),
];

export type BackupComponentName = "OrderBackups" | "Restore" | "Backup" | "KeptSchema";
