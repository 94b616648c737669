import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { resolveSource } from "./index.ts";
import { makeRoot, openReaders } from "./testing/sources.ts";

vi.setConfig({ testTimeout: 60_000 });

describe("a source's folder", () => {
  it("lists what lies in it in the order of the names' bytes, links as what they lead to", async () => {
    const root = makeRoot();
    mkdirSync(join(root, "clients/client_2/data"), { recursive: true });
    for (const name of ["Z.db", "a.db", "é.db", "ملف.db", "10.db", "9.db"])
      writeFileSync(join(root, name), "");
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0x2e, 0x64, 0x62])]), "");
    symlinkSync("a.db", join(root, "link-in.db"));
    symlinkSync("clients", join(root, "link-folder"));
    symlinkSync("/etc/passwd", join(root, "link-out.db"));
    symlinkSync("gone", join(root, "link-nowhere"));
    const folder = openReaders().folder(root);
    expect(await folder.list("")).toEqual([
      { name: "10.db", kind: "file" },
      { name: "9.db", kind: "file" },
      { name: "Z.db", kind: "file" },
      { name: "a.db", kind: "file" },
      { name: "clients", kind: "folder" },
      { name: "link-folder", kind: "folder" },
      { name: "link-in.db", kind: "file" },
      { name: "link-nowhere", kind: "other" },
      { name: "link-out.db", kind: "other" },
      { name: "é.db", kind: "file" },
      { name: "ملف.db", kind: "file" },
      { name: "\ufffd.db", kind: "other" },
    ]);
    expect(await folder.list("clients")).toEqual([{ name: "client_2", kind: "folder" }]);
    expect(await folder.list("clients/client_2/data")).toEqual([]);
    expect(await folder.list("clients/client_9")).toEqual([]);
    expect(await folder.list("a.db")).toEqual([]);
    expect(folder.name).toBe("old data, ملفات #1%20?");
  });

  it("is missed when it isn't there", async () => {
    const folder = openReaders().folder(join(makeRoot(), "nowhere"));
    await expect(folder.list("")).rejects.toMatchObject({ name: "SourceError", code: "SOURCE_NOT_FOUND" });
  });

  it("hands out JSON, and says what is wrong with it without quoting it", async () => {
    const root = makeRoot();
    const folder = openReaders().folder(root);
    const write = (content: string | Uint8Array) => writeFileSync(join(root, "licenses.json"), content);
    write('\ufeff{"KEY-1": {"password": "s3cret", "name": "شركة"}}');
    expect(await folder.json("licenses.json")).toEqual({ "KEY-1": { password: "s3cret", name: "شركة" } });
    for (const [content, message] of [
      ['{"password": "s3cret"', "The file isn't JSON."],
      ["", "The file isn't JSON."],
      [Buffer.from([0x22, 0xff, 0x22]), "The file isn't UTF-8."],
      [Buffer.alloc(64 * 2 ** 20 + 1, " "), "The file is larger than 64 MiB."],
    ] as const) {
      write(content);
      const error: unknown = await folder.json("licenses.json").catch((reason: unknown) => reason);
      expect(error).toMatchObject({
        name: "SourceError",
        code: "SOURCE_INVALID",
        file: "licenses.json",
        message,
      });
      expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain("s3cret");
    }
    await expect(folder.json("nothing.json")).rejects.toMatchObject({ code: "SOURCE_NOT_FOUND" });
  });
});

describe("a path from a request", () => {
  it("names a folder under LEGACY_DIR", async () => {
    const directory = makeRoot();
    mkdirSync(join(directory, "old/ded"), { recursive: true });
    symlinkSync("old/ded", join(directory, "ded"));
    for (const path of ["old/ded", "old/ded/", "./old//ded", "ded"]) {
      expect(await resolveSource(directory, path)).toBe(join(directory, "old/ded"));
    }
    expect(await resolveSource(directory, ".")).toBe(directory);
    const cwd = process.cwd();
    process.chdir(directory);
    onTestFinished(() => process.chdir(cwd));
    expect(await resolveSource("old", "ded")).toBe(join(directory, "old/ded"));
  });

  it.each([
    "",
    "/etc",
    "..",
    "../elsewhere",
    "old/../../elsewhere",
    "old/..",
    "..\\elsewhere",
    "old\\..\\..\\elsewhere",
    "C:\\",
    "old\0",
    "nothing",
    "out",
    "out/deeper",
    "x".repeat(5000),
  ])("is refused when it leads out, or nowhere: %j", async (path) => {
    const directory = makeRoot();
    mkdirSync(join(directory, "old"));
    mkdirSync(join(directory, "../elsewhere/deeper"), { recursive: true });
    // A name that only begins like the folder's.
    mkdirSync(`${directory}-2`);
    symlinkSync("../elsewhere", join(directory, "out"));
    symlinkSync(`${directory}-2`, join(directory, "beside"));
    await expect(resolveSource(directory, path)).rejects.toMatchObject({
      name: "SourceError",
      code: "SOURCE_NOT_FOUND",
    });
    await expect(resolveSource(directory, "beside")).rejects.toMatchObject({ code: "SOURCE_NOT_FOUND" });
  });

  it("is refused when it names a file", async () => {
    const directory = makeRoot();
    writeFileSync(join(directory, "a.db"), "");
    await expect(resolveSource(directory, "a.db")).rejects.toMatchObject({ code: "SOURCE_INVALID" });
    await expect(resolveSource(directory, "a.db/x")).rejects.toMatchObject({ code: "SOURCE_NOT_FOUND" });
  });
});
