import { once } from "node:events";
import { PassThrough } from "node:stream";
import { setImmediate as later, setTimeout as pause } from "node:timers/promises";
import type { Connection } from "pg";
import { describe, expect, it } from "vitest";
import { CopyOutQuery } from "./copy-out-query.ts";

/** A message as PostgreSQL sends it. */
function message(kind: string, content: Buffer | string): Buffer {
  const body = Buffer.from(content);
  const head = Buffer.alloc(5, kind);
  head.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

const NOTICE = message("N", "SNOTICE\0\0");
const END = Buffer.concat([message("c", ""), message("C", "COPY 3\0"), message("Z", "T")]);
const ROWS = ["1\tone\n", "", `2\t${"x".repeat(300)}\n`, "d\0\0\0\u0005\n"];
const ANSWER = Buffer.concat([
  message("H", Buffer.alloc(40)),
  ...ROWS.slice(0, 2).map((row) => message("d", row)),
  NOTICE,
  ...ROWS.slice(2).map((row) => message("d", row)),
  END,
]);

/** A connection whose driver keeps what it is given. */
function connect() {
  const stream = new PassThrough({ readableHighWaterMark: 64 });
  const given: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => given.push(Buffer.from(chunk)));
  const connection = { stream, query: () => undefined } as unknown as Connection;
  return { stream, connection, driver: () => Buffer.concat(given) };
}

describe("rows that are copied out", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 11, 64, 10_000])(
    "are the same in chunks of %i bytes, and the driver gets all else",
    async (size) => {
      const { stream, connection, driver } = connect();
      const taken: Buffer[] = [];
      const query = new CopyOutQuery("COPY", (chunk) => void taken.push(chunk));
      query.submit(connection);
      for (let at = 0; at < ANSWER.length; at += size) {
        if (!stream.write(Buffer.from(ANSWER.subarray(at, at + size)))) await once(stream, "drain");
      }
      await later();
      expect(Buffer.concat(taken).toString()).toBe(ROWS.join(""));
      expect(driver().equals(Buffer.concat([NOTICE, END]))).toBe(true);
      query.handleCommandComplete({ text: "COPY 3" });
      query.handleReadyForQuery();
      expect(await query.ended).toBe(3);
    },
  );

  it("come one chunk after the other, however long each takes, and hold the connection up meanwhile", async () => {
    const { stream, connection } = connect();
    let under = 0;
    const order: string[] = [];
    const query = new CopyOutQuery("COPY", async (chunk) => {
      under += 1;
      expect(under).toBe(1);
      await pause(5);
      order.push(chunk.toString());
      under -= 1;
    });
    query.submit(connection);
    const rows = Array.from({ length: 30 }, (_, at) => `${at}\n`);
    let held = false;
    for (const row of rows) {
      stream.write(message("d", row));
      await later();
      held ||= stream.isPaused();
    }
    stream.write(END);
    await expect.poll(() => order.join(""), { timeout: 60_000 }).toBe(rows.join(""));
    expect(held).toBe(true);
    query.handleCommandComplete({ text: "COPY 30" });
    query.handleReadyForQuery();
    expect(await query.ended).toBe(30);
  });

  it("tell of what was refused: by who takes them, or by PostgreSQL once they are taken", async () => {
    const refused = connect();
    const query = new CopyOutQuery("COPY", async () => {
      throw new Error("the store is full");
    });
    query.submit(refused.connection);
    refused.stream.write(message("d", "1\n"));
    await expect(query.ended).rejects.toThrow("the store is full");

    const broken = connect();
    let isTaken = false;
    const other = new CopyOutQuery("COPY", async () => {
      await pause(20);
      isTaken = true;
    });
    other.submit(broken.connection);
    broken.stream.write(Buffer.concat([message("d", "1\n"), message("E", "C54000\0\0")]));
    await later();
    expect(broken.driver().subarray(0, 1).toString()).toBe("E");
    other.handleError(new Error("too large"));
    await expect(other.ended).rejects.toThrow("too large");
    expect(isTaken).toBe(true);
  });
});
