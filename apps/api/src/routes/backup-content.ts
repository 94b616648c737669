import { readBackupContent } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import Type, { type Static } from "typebox";
import type { Api } from "../api.ts";
import { BackupParams } from "../backup-params.ts";
import { problems } from "../schemas.ts";
import { FILE_HEADERS, sendFile } from "../send-file.ts";

const FORMATS = ["archive", "sql"] as const;
const MEDIA_TYPES = { archive: "application/x-tar", sql: "application/sql" } as const;

const Query = Type.Object(
  {
    format: Type.Optional(
      Type.Enum([...FORMATS], {
        default: "archive",
        description: "`sql`: plain SQL, decrypted, that `psql` loads into an empty database",
      }),
    ),
  },
  { additionalProperties: false },
);

const binary = { schema: Type.String({ format: "binary" }) };

export function backupContentRoute(app: FastifyInstance, api: Api): void {
  app.get<{ Params: BackupParams; Querystring: Static<typeof Query> }>(
    "/v1/backups/:id/content",
    {
      // A HEAD would have the store opened, and the archive read, for nobody.
      exposeHeadRoute: false,
      config: { scope: "backups:read" },
      schema: {
        operationId: "backupContent",
        summary: "Download a backup",
        description:
          "As one file that says of itself what it is. Its end comes only when all of it was found right: a connection that breaks off before means that the file is of no use.",
        tags: ["Backups"],
        params: BackupParams,
        querystring: Query,
        response: {
          200: {
            description: "The file",
            headers: Object.fromEntries(
              Object.entries(FILE_HEADERS).map(([name, description]) => [
                name,
                { schema: Type.String(), description },
              ]),
            ),
            content: { [MEDIA_TYPES.archive]: binary, [MEDIA_TYPES.sql]: binary },
          },
          ...problems(400, 401, 403, 404, 409, 422, 503),
        },
      },
    },
    async (request, reply) => {
      const format = FORMATS.find((known) => known === request.query.format) ?? "archive";
      const content = await readBackupContent(api.ctx, request.params.id, format);
      return sendFile(api.longRequests, reply, { ...content, mediaType: MEDIA_TYPES[format] });
    },
  );
}
