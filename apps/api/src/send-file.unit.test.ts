import { createHash } from "node:crypto";
import { once } from "node:events";
import { request as get, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import Fastify, { type FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { installErrorHandling } from "./error-handling.ts";
import { LongRequests } from "./long-requests.ts";
import { sendFile } from "./send-file.ts";

const CHUNK = Buffer.alloc(65_536, "x");

let app: FastifyInstance;
let longRequests: LongRequests;
let stream: Readable;
let bytes: number | null;

beforeEach(async () => {
  bytes = null;
  longRequests = new LongRequests();
  app = Fastify({ forceCloseConnections: "idle" });
  installErrorHandling(app);
  app.addHook("preClose", async () => longRequests.close());
  app.get("/file", async (_request, reply) =>
    sendFile(longRequests, reply, {
      stream,
      mediaType: "application/x-tar",
      fileName: "a.tar",
      bytes,
      sha256: createHash("sha256").update(CHUNK).digest("hex"),
    }),
  );
  await app.listen({ host: "127.0.0.1", port: 0 });
});
afterEach(() => app.close());

async function answer(): Promise<IncomingMessage> {
  const request = get({ port: (app.server.address() as AddressInfo).port, path: "/file" });
  request.end();
  const [response] = await once(request, "response");
  return response as IncomingMessage;
}

/** Chunks without end, or until something goes wrong. */
function chunks(number: number, error?: Error): Readable {
  async function* made(): AsyncGenerator<Buffer> {
    for (let count = 0; count < number; count++) yield CHUNK;
    if (error !== undefined) throw error;
  }
  return Readable.from(made());
}

describe("a file that is sent", () => {
  test("has a name, its length and its SHA-256", async () => {
    [stream, bytes] = [chunks(1), CHUNK.length];
    const { headers } = await answer().then((response) => response.resume());
    expect(headers).toMatchObject({
      "content-type": "application/x-tar",
      "content-disposition": 'attachment; filename="a.tar"',
      "content-length": "65536",
      "x-content-sha256": expect.stringMatching(/^[0-9a-f]{64}$/),
      "repr-digest": `sha-256=:${createHash("sha256").update(CHUNK).digest("base64")}:`,
    });
  });

  test.each([null, 40 * CHUNK.length])(
    "breaks off when it turns out corrupt on the way, of length %s",
    async (length) => {
      [stream, bytes] = [chunks(20, new Error("corrupt")), length];
      const response = await answer();
      expect(response.statusCode).toBe(200);
      await expect(response.toArray()).rejects.toThrow("aborted");
      expect(response.complete).toBe(false);
    },
  );

  test("is a problem when it turns out corrupt at once", async () => {
    [stream, bytes] = [chunks(0, new Error("corrupt")), 40];
    const response = await answer();
    expect(response.statusCode).toBe(500);
    expect(response.headers["content-type"]).toMatch(/^application\/problem\+json/);
    for (const header of ["content-disposition", "repr-digest", "x-content-sha256"]) {
      expect(response.headers).not.toHaveProperty(header);
    }
    expect(Buffer.concat(await response.toArray()).toString()).not.toContain("corrupt");
  });

  test("is read no further when the client goes away", async () => {
    stream = chunks(Number.POSITIVE_INFINITY);
    const closed = new Promise((resolve) => stream.once("close", resolve));
    (await answer()).destroy();
    await closed;
  });

  test("doesn't hold up a server that closes", async () => {
    stream = chunks(Number.POSITIVE_INFINITY);
    const response = await answer();
    const broken = expect(response.toArray()).rejects.toThrow("aborted");
    await app.close();
    await broken;
  });
});
