import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { setTimeout as passes } from "node:timers/promises";
import Fastify, { type FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { installBodyDeadline } from "./body-deadline.ts";

const LIMIT_MS = 500;

let app: FastifyInstance;
let port: number;

beforeEach(async () => {
  app = Fastify();
  installBodyDeadline(app, LIMIT_MS);
  app.addContentTypeParser("text/plain", (_request, payload, done) => done(null, payload));
  const count = async (body: unknown): Promise<number> => {
    let bytes = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) bytes += chunk.length;
    return bytes;
  };
  app.post("/order", async (request) => ({ bytes: await count(request.body) }));
  app.post("/upload", { config: { streamedBody: true } }, async (request) => ({
    bytes: await count(request.body),
  }));
  app.post("/refused", async () => {
    throw new Error("not for you");
  });
  await app.listen({ host: "127.0.0.1", port: 0 });
  port = (app.server.address() as AddressInfo).port;
});
afterEach(() => app.close());

/** Sends so many bytes of a body of twenty, a tenth of the limit apart, and returns all that comes back. */
async function send(path: string, bytes: number, connection = "close"): Promise<string> {
  const socket = connect(port, "127.0.0.1").setEncoding("utf8");
  let answer = "";
  socket.on("data", (text: string) => {
    answer += text;
  });
  const closed = once(socket, "close");
  socket.write(
    `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 20\r\nConnection: ${connection}\r\n\r\n`,
  );
  for (let sent = 0; sent < bytes && socket.writable; sent++) {
    socket.write("x");
    await passes(LIMIT_MS / 10);
  }
  await closed;
  return answer;
}

describe("a body that comes slowly", () => {
  test("is cut off, with a word why", async () => {
    const answer = await send("/order", 20);
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
    expect(answer).toContain("took too long to arrive");
  });

  test("may take its time where it is a file", async () => {
    expect(await send("/upload", 20)).toContain('{"bytes":20}');
  });

  test("is cut off also there when nothing comes any more", async () => {
    expect(await send("/upload", 5)).toContain("took too long to arrive");
  });

  test("is cut off also when it was answered already: the connection would never be free", async () => {
    const answer = await send("/refused", 5, "keep-alive");
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(answer).toContain("not for you");
  });
});
