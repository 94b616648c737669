import { expect, it } from "vitest";
import { readEventStream } from "./event-stream.ts";

async function eventsIn(...chunks: Uint8Array[]) {
  async function* body() {
    yield* chunks;
  }
  const events: unknown[] = [];
  for await (const event of readEventStream(body())) events.push(event);
  return events;
}

it("reads events wherever the network cuts them, and passes comments by", async () => {
  const bytes = new TextEncoder().encode(
    'retry: 1000\n\n: still here\n\nid: 1\nevent: progress\ndata: {"a":"\u0634"}\n\nevent: succeeded\r\ndata: 1\r\ndata: 2\r\n\r\nevent: cut off',
  );
  const expected = [
    { event: "progress", data: '{"a":"\u0634"}' },
    { event: "succeeded", data: "1\n2" },
  ];
  expect(await eventsIn(bytes)).toEqual(expected);
  expect(await eventsIn(...[...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(expected);
});
