import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startFauxqs } from "fauxqs";

/** An upload in parts that was begun and neither completed nor aborted. */
export interface UnfinishedUpload {
  readonly bucket: string;
  readonly key: string;
  readonly uploadId: string;
  readonly initiated: string;
}

/** What a server answers that doesn't do what it is asked for. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
}

export interface S3Server {
  /** For `S3_ENDPOINT`. */
  readonly endpoint: string;
  /** It has one bucket. */
  readonly bucket: string;
  /** What whoever uses it has in his environment, and undefined for what he must not have. */
  readonly env: Readonly<Record<string, string | undefined>>;
  uploads(): UnfinishedUpload[];
  /** Asked at each request until it is taken back by null. */
  refuse(rule: ((method: string, path: string) => Refusal | null) | null): void;
  stop(): Promise<void>;
}

const PAGE = 2;
const BUCKET = "backups";

/**
 * Starts an S3 server (`fauxqs`) on a free port of the loopback interface, its files in a folder for temporary ones. What it
 * doesn't have is added in front of it: credentials that are checked by name, the list of unfinished uploads (in pages of
 * two), and refusals as a test wants them.
 */
export async function startS3Server(): Promise<S3Server> {
  const folder = mkdtempSync(join(tmpdir(), "tenantry-test-s3-"));
  const server = await startFauxqs({ port: 0, host: "127.0.0.1", logger: false, s3StorageDir: folder });
  server.createBucket(BUCKET);
  const accessKeyId = `test-${randomBytes(4).toString("hex")}`;
  let rule: Parameters<S3Server["refuse"]>[0] = null;
  const uploads = (): UnfinishedUpload[] => unfinished(folder);
  const front = createServer((incoming, outgoing) => {
    const { method = "", url = "" } = incoming;
    const known = incoming.headers.authorization?.includes(`Credential=${accessKeyId}/`) === true;
    const refusal = rule?.(method, url) ?? null;
    if (!known) refused(incoming, outgoing, { status: 403, code: "InvalidAccessKeyId" });
    else if (refusal !== null) refused(incoming, outgoing, refusal);
    else if (method === "GET" && new URL(url, "http://x").searchParams.has("uploads")) {
      outgoing.setHeader("content-type", "application/xml").end(uploadsPage(url, uploads()));
    } else passOn(incoming, outgoing, server.port);
  }).listen(0, "127.0.0.1");
  await once(front, "listening");
  return {
    endpoint: `http://127.0.0.1:${(front.address() as AddressInfo).port}`,
    bucket: BUCKET,
    env: {
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: randomBytes(20).toString("hex"),
      AWS_SESSION_TOKEN: undefined,
      AWS_PROFILE: undefined,
      AWS_REGION: undefined,
      AWS_ENDPOINT_URL: undefined,
      AWS_CONFIG_FILE: join(folder, "none"),
      AWS_SHARED_CREDENTIALS_FILE: join(folder, "none"),
      AWS_EC2_METADATA_DISABLED: "true",
    },
    uploads,
    refuse: (wanted) => {
      rule = wanted;
    },
    stop: async () => {
      const closed = once(front, "close");
      front.close();
      front.closeAllConnections();
      await closed;
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function passOn(incoming: IncomingMessage, outgoing: ServerResponse, port: number): void {
  const { method, url } = incoming;
  // It knows no bucket by the name that it is asked under.
  const headers = { ...incoming.headers, host: `127.0.0.1:${port}` };
  const inner = request({ host: "127.0.0.1", port, method, path: url, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
    answer.pipe(outgoing);
  });
  inner.on("error", () => outgoing.destroy());
  outgoing.on("close", () => inner.destroy());
  incoming.pipe(inner);
}

/** As S3 does, it repeats what the request says of its sender. */
function refused(incoming: IncomingMessage, outgoing: ServerResponse, { status, code }: Refusal): void {
  incoming.resume();
  incoming.once("end", () => {
    outgoing.writeHead(status, { "content-type": "application/xml" });
    outgoing.end(
      `<?xml version="1.0"?><Error><Code>${code}</Code><Message>as the test wants it</Message>
      <StringToSign>${incoming.headers.authorization}</StringToSign></Error>`,
    );
  });
}

function unfinished(folder: string): UnfinishedUpload[] {
  return readdirSync(join(folder, "_multipart"))
    .map((id) => JSON.parse(readFileSync(join(folder, "_multipart", id, ".upload.json"), "utf8")))
    .sort((a, b) => (a.key + a.uploadId < b.key + b.uploadId ? -1 : 1));
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html */
function uploadsPage(path: string, all: readonly UnfinishedUpload[]): string {
  const { searchParams } = new URL(path, "http://x");
  const after = (searchParams.get("key-marker") ?? "") + (searchParams.get("upload-id-marker") ?? "");
  const left = all.filter(
    ({ key, uploadId }) => key.startsWith(searchParams.get("prefix") ?? "") && key + uploadId > after,
  );
  const page = left.slice(0, PAGE);
  const last = page.at(-1);
  const listed = page.map(
    ({ key, uploadId, initiated }) =>
      `<Upload><Key>${key}</Key><UploadId>${uploadId}</UploadId><Initiated>${initiated}</Initiated></Upload>`,
  );
  return `<?xml version="1.0"?><ListMultipartUploadsResult><IsTruncated>${left.length > PAGE}</IsTruncated>
    <NextKeyMarker>${last?.key ?? ""}</NextKeyMarker><NextUploadIdMarker>${last?.uploadId ?? ""}</NextUploadIdMarker>
    ${listed.join("")}</ListMultipartUploadsResult>`;
}
