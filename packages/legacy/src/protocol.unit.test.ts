import { describe, expect, it } from "vitest";
import { encodeFrame, FrameParser, type ReaderFrame } from "./protocol.ts";

const FRAMES: readonly (readonly [ReaderFrame, Buffer?])[] = [
  [{ kind: "opened", bytes: 3 }],
  [{ kind: "rows", table: 0, rows: 2, rowIds: "1,2" }, Buffer.from("a\tنص\nb\t\\N\n")],
  [{ kind: "failed", code: "SOURCE_INVALID", detail: "Ausgefüllt" }, Buffer.alloc(0)],
  [{ kind: "done" }],
];

describe("frames", () => {
  it.each([1, 2, 7, 64, 4096])("come out as they went in, in pieces of %i bytes", (size) => {
    const wire = Buffer.concat(FRAMES.flatMap(([header, payload]) => encodeFrame(header, payload)));
    const parser = new FrameParser();
    const received = [];
    for (let at = 0; at < wire.length; at += size) {
      parser.push(wire.subarray(at, at + size));
      for (let frame = parser.next(); frame !== null; frame = parser.next()) received.push(frame);
    }
    expect(received.map(({ header, payload }) => [header, payload.toString("utf8")])).toEqual(
      FRAMES.map(([header, payload]) => [header, payload?.toString("utf8") ?? ""]),
    );
  });

  it("of an impossible size, or that hold no JSON, are refused", () => {
    const parser = new FrameParser();
    parser.push(Buffer.alloc(8, 0xff));
    expect(() => parser.next()).toThrow(RangeError);
    const other = new FrameParser();
    other.push(Buffer.from([0, 0, 0, 1, 0, 0, 0, 0, 0x7b]));
    expect(() => other.next()).toThrow(SyntaxError);
  });
});
