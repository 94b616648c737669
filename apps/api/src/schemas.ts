import {
  LICENSE_EVENT_TYPES,
  LICENSE_TYPES,
  OPERATION_KINDS,
  OPERATION_STATES,
  TENANT_STATES,
} from "@tenantry/schema";
import {
  ChangeLicenseRequest,
  CreateLicenseRequest,
  ExtendLicenseRequest,
  LICENSE_STATUSES,
  REMEDIES,
  ReasonRequest,
  SuspendLicenseRequest,
} from "@tenantry/tenancy";
import Type, { type TSchema, type TStringOptions } from "typebox";
import { BACKUP_COMPONENTS, type BackupComponentName } from "./backup-schemas.ts";
import { FLEET_COMPONENTS, type FleetComponentName } from "./fleet-schemas.ts";
import { LEGACY_COMPONENTS, type LegacyComponentName } from "./legacy-schemas.ts";
import { PROBLEM_TYPE } from "./problem.ts";

const text = (options: TStringOptions = {}) => Type.String(options);
const time = () => Type.String({ format: "date-time" });
const nullable = (schema: TSchema) => Type.Union([schema, Type.Null()]);
const oneOf = (values: readonly string[]) => Type.Enum([...values]);

/** Shapes that the OpenAPI document lists under `components.schemas`, by their `$id`. They document; they don't filter. */
export const COMPONENTS: readonly TSchema[] = [
  {
    ...CreateLicenseRequest,
    $id: "CreateLicense",
    examples: [
      {
        clientName: "Nile Trading",
        email: "office@nile.example",
        adminUsername: "admin",
        adminPassword: "choose-a-good-one",
        licenseType: "yearly",
        maxUsers: 10,
      },
    ],
  },
  {
    ...ChangeLicenseRequest,
    $id: "ChangeLicense",
    examples: [{ maxUsers: 25, expiresAt: "2030-12-31T23:59:59Z", reason: "order 10077" }],
  },
  { ...SuspendLicenseRequest, $id: "SuspendLicense", examples: [{ reason: "Invoice 4711 is overdue" }] },
  { ...ExtendLicenseRequest, $id: "ExtendLicense", examples: [{ days: 365 }] },
  { ...ReasonRequest, $id: "Reason" },
  Type.Object(
    {
      key: text({ examples: ["7QKD-M3ZT-0V5H-XA2P"] }),
      status: oneOf(LICENSE_STATUSES),
      suspensionReason: Type.Optional(text()),
      clientName: text(),
      email: nullable(text()),
      phone: nullable(text()),
      company: nullable(text()),
      licenseType: oneOf(LICENSE_TYPES),
      maxUsers: Type.Integer(),
      maxBranches: Type.Integer(),
      blueprint: text(),
      createdAt: time(),
      activatedAt: nullable(time()),
      expiresAt: nullable(time()),
      notes: nullable(text()),
    },
    { $id: "License" },
  ),
  Type.Object(
    {
      valid: Type.Boolean(),
      status: oneOf(LICENSE_STATUSES),
      reason: nullable(text({ description: "Why it isn't valid; null when it is" })),
      daysRemaining: nullable(
        Type.Integer({
          minimum: 0,
          description: "Begun days count whole; 0 when it has ended, null when it never does",
        }),
      ),
      users: Type.Object({
        used: nullable(
          Type.Integer({
            description: "Active users; null while the tenant isn't ready, or when it has no sign-in",
          }),
        ),
        max: Type.Integer(),
      }),
    },
    { $id: "LicenseCheck" },
  ),
  Type.Object(
    {
      id: text(),
      at: time(),
      type: oneOf(LICENSE_EVENT_TYPES),
      actor: text({ examples: ["api-key:webshop", "cli:omar"] }),
      from: Type.Object(
        {},
        { additionalProperties: true, description: "The fields it changed, as they were" },
      ),
      to: Type.Object({}, { additionalProperties: true, description: "The same fields afterwards" }),
      reason: nullable(text()),
    },
    { $id: "LicenseEvent" },
  ),
  Type.Object(
    {
      schema: text({ description: "The PostgreSQL schema" }),
      state: oneOf(TENANT_STATES),
      blueprint: text(),
      version: nullable(text()),
      placement: text(),
    },
    { $id: "Tenant" },
  ),
  Type.Object(
    {
      id: text({ format: "uuid" }),
      kind: oneOf(OPERATION_KINDS),
      state: oneOf(OPERATION_STATES),
      progress: Type.Object({
        percent: Type.Integer({ minimum: 0, maximum: 100 }),
        step: text(),
        message: text(),
        done: Type.Integer(),
        total: Type.Integer(),
      }),
      attempts: Type.Integer(),
      licenseKey: Type.Optional(text()),
      parentId: Type.Optional(text({ format: "uuid", description: "The run that it is a part of" })),
      item: Type.Optional(
        Type.Integer({ minimum: 0, description: "Of a run's child: its place in the run's request" }),
      ),
      children: Type.Optional(
        Type.Object(
          {
            total: Type.Integer(),
            queued: Type.Integer(),
            running: Type.Integer(),
            succeeded: Type.Integer(),
            failed: Type.Integer(),
            canceled: Type.Integer(),
          },
          { description: "Of a run: how its children stand" },
        ),
      ),
      result: Type.Optional(Type.Object({}, { additionalProperties: true })),
      error: Type.Optional(Type.Ref("Problem#")),
      createdAt: time(),
      startedAt: Type.Optional(time()),
      finishedAt: Type.Optional(time()),
    },
    { $id: "Operation" },
  ),
  Type.Object(
    {
      id: text(),
      username: text(),
      email: nullable(text()),
      fullName: nullable(text()),
      isAdmin: Type.Boolean(),
      language: nullable(text()),
      lastLogin: nullable(time()),
    },
    { $id: "TenantUser" },
  ),
  Type.Object(
    {
      type: text(),
      title: text(),
      status: Type.Integer(),
      detail: text(),
      instance: text(),
      code: oneOf(Object.keys(REMEDIES)),
      hint: text({ description: "What to do about it" }),
      errors: Type.Optional(
        Type.Array(Type.Object({ pointer: text({ description: "JSON Pointer" }), detail: text() })),
      ),
    },
    { $id: "Problem", description: "RFC 9457" },
  ),
  ...LEGACY_COMPONENTS,
  ...BACKUP_COMPONENTS,
  ...FLEET_COMPONENTS,
];

export type ComponentName =
  | BackupComponentName
  | FleetComponentName
  | LegacyComponentName
  | "CreateLicense"
  | "ChangeLicense"
  | "SuspendLicense"
  | "ExtendLicense"
  | "Reason"
  | "License"
  | "LicenseCheck"
  | "LicenseEvent"
  | "Tenant"
  | "Operation"
  | "TenantUser"
  | "Problem";

/** A reference to a component. */
export function component(name: ComponentName): TSchema {
  return Type.Ref(`${name}#`);
}

/** One page of a list. */
export function pageOf(name: ComponentName): TSchema {
  return Type.Object({ items: Type.Array(component(name)), nextCursor: nullable(text()) });
}

/** A response of an OpenAPI operation, with the headers that a client should look at. */
export function response(
  description: string,
  schema: TSchema,
  headers: Readonly<Record<string, string>> = {},
): object {
  return {
    description,
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, meaning]) => [name, { type: "string", description: meaning }]),
    ),
    content: { "application/json": { schema } },
  };
}

/** What a request for one operation is answered with. */
export function workResponses(whenDone: string, schema: TSchema): Record<number, object> {
  return {
    200: response(whenDone, schema, { Location: "The operation" }),
    202: response("Accepted", schema, {
      Location: "The operation to watch",
      "Idempotency-Replayed": "`true` when this is the answer to an earlier request",
    }),
  };
}

const PROBLEM_CAUSES: Readonly<Record<number, string>> = {
  400: "The request is wrong; `errors` lists every fault",
  401: "The credentials are missing or wrong",
  403: "Not allowed",
  404: "Not found",
  409: "Not possible in this state",
  422: "The idempotency key was used for another request; or a legacy source or a backup can't be read",
  423: "The account is locked",
  429: "Too many requests",
  503: "PostgreSQL, or the store of the backups, is away; nothing was accepted",
};

/** The refusals that a route may answer with. */
export function problems(...statuses: number[]): Record<number, object> {
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      {
        description: PROBLEM_CAUSES[status] ?? "",
        content: { [PROBLEM_TYPE]: { schema: component("Problem") } },
      },
    ]),
  );
}

/** Query parameters that every list takes. */
export const PAGE_QUERY = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, default: 50 })),
  cursor: Type.Optional(Type.String({ maxLength: 128, description: "`nextCursor` of the page before" })),
};

export const DEFAULT_LIMIT = 50;

const PREFER_HEADER = Type.String({
  description: "`wait=N`: answer when the work has ended, after at most N seconds (N up to 60)",
  examples: ["wait=10"],
});
const IDEMPOTENCY_HEADER = Type.String({
  minLength: 1,
  maxLength: 255,
  description: "Repeating a request with the same key gives the first answer again and does nothing twice",
});

/** Headers of requests for work; they document, `readWorkHeaders` checks. */
export const WORK_HEADERS = Type.Object({
  "idempotency-key": Type.Optional(IDEMPOTENCY_HEADER),
  prefer: Type.Optional(PREFER_HEADER),
});

/** Headers of changes that are done when they are answered; they document, `readWorkHeaders` checks. */
export const IDEMPOTENCY_HEADERS = Type.Object({ "idempotency-key": Type.Optional(IDEMPOTENCY_HEADER) });
