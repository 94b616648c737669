import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable, Writable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WrongUse } from "./arguments/wrong-use.ts";
import { writeNewFile, writeToStdout } from "./output-file.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tenantry-output-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function* breaksOff(): AsyncGenerator<Buffer> {
  yield Buffer.from("half of it");
  throw new Error("the archive turned out corrupt");
}

describe("a file that a command writes", () => {
  it("is there when it is whole, for its owner alone", async () => {
    const path = join(folder, "whole.tar");
    await writeNewFile(path, Readable.from([Buffer.from("one "), Buffer.from("two")]));
    expect(await readFile(path, "utf8")).toBe("one two");
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(["whole.tar"]);
  });

  it("isn't there when it broke off", async () => {
    const before = await readdir(folder);
    await expect(writeNewFile(join(folder, "broken.tar"), Readable.from(breaksOff()))).rejects.toThrow(
      "turned out corrupt",
    );
    expect(await readdir(folder)).toEqual(before);
  });

  it("takes nobody's place, also not that of one that came meanwhile", async () => {
    const path = join(folder, "mine.tar");
    async function* slow(): AsyncGenerator<Buffer> {
      await writeFile(path, "somebody's");
      yield Buffer.from("new");
    }
    await expect(writeNewFile(path, Readable.from(slow()))).rejects.toThrow(WrongUse);
    await expect(writeNewFile(path, Readable.from(["again"]))).rejects.toThrow("is there already");
    expect(await readFile(path, "utf8")).toBe("somebody's");
    expect((await readdir(folder)).filter((name) => name.includes("partial"))).toEqual([]);
  });

  it("is refused where there is no folder", async () => {
    const stream = Readable.from(["x"]);
    await expect(writeNewFile(join(folder, "no", "where"), stream)).rejects.toThrow(
      /can't be written \(ENOENT\)/,
    );
    expect(stream.destroyed).toBe(true);
  });
});

describe("what a command writes to stdout", () => {
  it("is all of it", async () => {
    const stdout = new PassThrough();
    await writeToStdout(Readable.from([Buffer.from("one "), Buffer.from("two")]), stdout);
    expect(String(stdout.read())).toBe("one two");
  });

  it("fails when its reader went away before the end", async () => {
    const stdout = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error("pipe"), { code: "EPIPE" })),
    });
    stdout.on("error", () => undefined);
    const stream = Readable.from([Buffer.from("one "), Buffer.from("two")]);
    await expect(writeToStdout(stream, stdout)).rejects.toMatchObject({ code: "OUTPUT_BROKEN_OFF" });
    expect(stream.destroyed).toBe(true);
  });
});
