import { FLEET_ITEM_STATES } from "@tenantry/schema";
import { FleetMigrationRequest, ResumeFleetRequest } from "@tenantry/tenancy";
import Type, { type TSchema, type TStringOptions } from "typebox";

const text = (options: TStringOptions = {}) => Type.String(options);
const count = (description?: string) => Type.Integer({ minimum: 0, ...(description && { description }) });
const nullable = (schema: TSchema) => Type.Union([schema, Type.Null()]);
const time = (description: string) => text({ format: "date-time", description });

/** Shapes of fleet migrations in the OpenAPI document, beside those of `schemas.ts`. They document; they don't filter. */
export const FLEET_COMPONENTS: readonly TSchema[] = [
  {
    ...FleetMigrationRequest,
    $id: "FleetMigration",
    examples: [{ blueprint: "erp", canary: 5, maxFailures: "1%" }],
  },
  { ...ResumeFleetRequest, $id: "ResumeFleetMigration", examples: [{}, { maxFailures: 20 }] },
  Type.Object(
    {
      blueprint: text(),
      version: text({ description: "What the tenants are brought to" }),
      tenants: Type.Object(
        { total: count(), pending: count(), done: count(), failed: count(), skipped: count() },
        { description: "By state; all 0 until the run is planned" },
      ),
      waves: Type.Array(count(), { description: "Tenants by wave" }),
      wave: count("From 1: the one that is upgraded, or was last"),
      maxFailures: Type.Union([count(), text()]),
      paused: nullable(Type.Object({ at: time("Since when"), reason: text() })),
    },
    { $id: "FleetFigures", description: "How far a fleet migration is" },
  ),
  Type.Object(
    {
      licenseKey: text(),
      schema: text(),
      placement: text(),
      state: Type.Enum([...FLEET_ITEM_STATES], { description: "`skipped`: it isn't there any more" }),
      wave: count("From 1"),
      fromVersion: nullable(text()),
      version: nullable(text({ description: "Where it is now" })),
      attempts: count(),
      durationMs: nullable(count()),
      error: Type.Optional(Type.Ref("Problem#")),
      endedAt: nullable(time("When it had its turn")),
    },
    { $id: "FleetTenant", description: "One tenant of a fleet migration" },
  ),
];

export type FleetComponentName = "FleetMigration" | "ResumeFleetMigration" | "FleetFigures" | "FleetTenant";
