import { once } from "node:events";
import type { Readable } from "node:stream";
import { TenancyError } from "@tenantry/tenancy";
import type { FastifyReply } from "fastify";
import type { LongRequests } from "./long-requests.ts";

/** A file on its way to a client, made while it goes. */
export interface OutgoingFile {
  readonly stream: Readable;
  readonly mediaType: string;
  readonly fileName: string;
  /** Null where its length is known only at its end. */
  readonly bytes: number | null;
  /** Hex; null where it isn't known before. */
  readonly sha256: string | null;
}

/** What `sendFile` adds to an answer, for the OpenAPI document. */
export const FILE_HEADERS = {
  "content-disposition": "A name for the file",
  "content-length": "Where it is known",
  "repr-digest": "The SHA-256 of the file where it is known, as RFC 9530 writes it",
  "x-content-sha256": "The same, in hex",
};

/**
 * Answers with a file. What is wrong before its first bytes refuses the request; when its stream fails later, the
 * connection is broken off, so that the client can't take what it has for the whole. A client that goes away, or a server
 * that closes, ends the stream.
 *
 * @throws What the stream throws; TenancyError UNAVAILABLE when the server closes.
 */
export async function sendFile(
  longRequests: LongRequests,
  reply: FastifyReply,
  file: OutgoingFile,
): Promise<FastifyReply> {
  const { stream, mediaType, fileName, bytes, sha256 } = file;
  const begun = once(stream, "readable");
  const open = longRequests.begin(reply);
  const stop = (): void =>
    void stream.destroy(new TenancyError("UNAVAILABLE", "The server closes.", { retryable: true }));
  if (open.signal.aborted) stop();
  else open.signal.addEventListener("abort", stop, { once: true });
  stream.once("close", open.end);
  await begun;
  if (bytes !== null) reply.header("content-length", bytes);
  if (sha256 !== null) {
    reply.header("repr-digest", `sha-256=:${Buffer.from(sha256, "hex").toString("base64")}:`);
    reply.header("x-content-sha256", sha256);
  }
  return reply
    .type(mediaType)
    .header("content-disposition", `attachment; filename="${fileName}"`)
    .header("x-content-type-options", "nosniff")
    .send(stream);
}
