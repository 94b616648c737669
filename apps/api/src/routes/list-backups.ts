import {
  BACKUP_KINDS,
  BACKUP_STATES,
  type BackupFilter,
  getLicense,
  listBackups,
  normalizeLicenseKey,
} from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import Type, { type Static } from "typebox";
import type { Api } from "../api.ts";
import { LicenseParams } from "../license-params.ts";
import { DEFAULT_LIMIT, PAGE_QUERY, pageOf, problems, response } from "../schemas.ts";

const FILTER = {
  kind: Type.Optional(Type.Enum([...BACKUP_KINDS])),
  state: Type.Optional(Type.Enum([...BACKUP_STATES])),
};
const OneQuery = Type.Object({ ...FILTER, ...PAGE_QUERY }, { additionalProperties: false });
const AllQuery = Type.Object(
  { licenseKey: Type.Optional(Type.String({ maxLength: 64 })), ...FILTER, ...PAGE_QUERY },
  { additionalProperties: false },
);

const RESPONSES = { 200: response("One page of backups", pageOf("Backup")) };

export function listBackupsRoute(app: FastifyInstance, api: Api): void {
  app.get<{ Querystring: Static<typeof AllQuery> }>(
    "/v1/backups",
    {
      config: { scope: "backups:read" },
      schema: {
        operationId: "listBackups",
        summary: "List backups, newest first",
        tags: ["Backups"],
        querystring: AllQuery,
        response: { ...RESPONSES, ...problems(400, 401, 403, 503) },
      },
    },
    async (request) => {
      const { licenseKey } = request.query;
      const ofLicense = licenseKey === undefined ? {} : { licenseKey: normalizeLicenseKey(licenseKey) };
      return listBackups(api.ctx, { ...readFilter(request.query), ...ofLicense }, readPage(request.query));
    },
  );
}

export function listLicenseBackupsRoute(app: FastifyInstance, api: Api): void {
  app.get<{ Params: LicenseParams; Querystring: Static<typeof OneQuery> }>(
    "/v1/licenses/:key/backups",
    {
      config: { scope: "backups:read" },
      schema: {
        operationId: "listLicenseBackups",
        summary: "List a license's backups, newest first",
        tags: ["Backups"],
        params: LicenseParams,
        querystring: OneQuery,
        response: { ...RESPONSES, ...problems(400, 401, 403, 404, 503) },
      },
    },
    async (request) => {
      // First: it knows whether there is such a license at all.
      const { license } = await getLicense(api.ctx, request.params.key);
      const filter = { ...readFilter(request.query), licenseKey: license.key };
      return listBackups(api.ctx, filter, readPage(request.query));
    },
  );
}

function readFilter({ kind, state }: Static<typeof OneQuery>): BackupFilter {
  return {
    ...(kind === undefined ? {} : { kind: kind as NonNullable<BackupFilter["kind"]> }),
    ...(state === undefined ? {} : { state: state as NonNullable<BackupFilter["state"]> }),
  };
}

function readPage({ limit = DEFAULT_LIMIT, cursor }: Static<typeof OneQuery>) {
  return { limit, ...(cursor === undefined ? {} : { cursor }) };
}
