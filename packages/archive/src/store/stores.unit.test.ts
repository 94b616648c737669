import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { buffer } from "node:stream/consumers";
import { setTimeout as wait } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { type S3Server, startS3Server } from "../../../../test/support/s3-server.ts";
import type { ChildTask } from "../testing/store-child.ts";
import { startStoreProcess } from "../testing/store-process.ts";
import type { BackupStore } from "./backup-store.ts";
import { openBackupStore } from "./open-backup-store.ts";
import { archiveName, erasedName, keyName, type StoreName, storeName, tenantFolder } from "./store-name.ts";

const MB = 1024 * 1024;
const PART_BYTES = 5 * MB;
const KEY = "AB12-CD34-EF56-GH78";
const LONG_AGO = new Date(0);

interface Rig {
  readonly url: string;
  readonly endpoint: string | null;
  /** What lies there and isn't whole. */
  debris(): number;
  /** Puts something there past the store. */
  plant(path: string, content: Buffer): Promise<void>;
}

const server: S3Server = await startS3Server();
for (const [name, value] of Object.entries(server.env)) vi.stubEnv(name, value);
afterAll(async () => {
  vi.unstubAllEnvs();
  await server.stop();
});

let rigs = 0;

function s3Rig(): Rig {
  rigs += 1;
  const prefix = `rig-${rigs}/of.tests/`;
  return {
    url: `s3://${server.bucket}/${prefix.slice(0, -1)}`,
    endpoint: server.endpoint,
    debris: () => server.uploads().filter(({ key }) => key.startsWith(prefix)).length,
    plant: async (path, content) => {
      const answer = await fetch(`${server.endpoint}/${server.bucket}/${prefix}${path}`, {
        method: "PUT",
        headers: { authorization: `Credential=${server.env.AWS_ACCESS_KEY_ID}/` },
        body: new Uint8Array(content),
      });
      if (!answer.ok) throw new Error(await answer.text());
    },
  };
}

function fileRig(): Rig {
  const root = join(mkdtempSync(join(tmpdir(), "tenantry-test-store-")), "with space");
  onTestFinished(() => rmSync(dirname(root), { recursive: true, force: true }));
  return {
    url: pathToFileURL(root).href,
    endpoint: null,
    debris: () =>
      readdirSync(root, { recursive: true, encoding: "utf8" }).filter((path) => path.includes(".partial"))
        .length,
    plant: async (path, content) => {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), content);
    },
  };
}

function nameOf(day: number, licenseKey = KEY): StoreName {
  const id = `0199c0de-0000-7000-8000-${String(day).padStart(12, "0")}`;
  return archiveName({ kind: "tenant", licenseKey, takenAt: new Date(Date.UTC(2026, 0, day)), id });
}

async function listed(store: BackupStore, folder = ""): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of store.list(folder)) names.push(name);
  return names.sort();
}

async function contentOf(store: BackupStore, name: StoreName): Promise<Buffer> {
  return buffer(await store.read(name));
}

async function kindOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => "done",
    (error) => error.kind ?? error,
  );
}

describe.each([
  ["a folder", fileRig],
  ["a bucket", s3Rig],
])("a store in %s", { timeout: 120_000 }, (_, makeRig) => {
  const opened: BackupStore[] = [];
  const open = (rig = makeRig()) => {
    const store = openBackupStore(rig.url, { s3Endpoint: rig.endpoint, s3PartBytes: PART_BYTES });
    opened.push(store);
    return { store, rig };
  };
  const task = (rig: Rig, more: Pick<ChildTask, "work" | "megabytes" | "haltAfter">): ChildTask => ({
    url: rig.url,
    endpoint: rig.endpoint,
    partBytes: PART_BYTES,
    name: nameOf(1),
    ...more,
  });
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
  });

  it.each([
    ["nothing", []],
    ["one byte", [1]],
    ["an odd number of bytes over several parts", [3, 7 * MB + 1, 0, 5 * MB, 11]],
    ["exactly one part", [PART_BYTES]],
    ["exactly two parts", [PART_BYTES, PART_BYTES]],
  ])("gives back %s as it was written", async (_what, sizes) => {
    const { store, rig } = open();
    const chunks = sizes.map((size) => randomBytes(size));
    await store.write(nameOf(1), async (write) => {
      for (const chunk of chunks) await write(chunk);
    });
    const whole = Buffer.concat(chunks);
    expect((await contentOf(store, nameOf(1))).equals(whole)).toBe(true);
    for await (const file of store.list(tenantFolder(KEY))) {
      expect(file).toMatchObject({ name: nameOf(1), bytes: whole.length });
      expect(Math.abs(Date.now() - Number(file.modifiedAt))).toBeLessThan(60_000);
    }
    expect(rig.debris()).toBe(0);
  });

  it("keeps what is small, and puts the new in place of the old", async () => {
    const { store } = open();
    const name = keyName(nameOf(1));
    await store.put(name, Buffer.from("old and longer"));
    await store.put(name, Buffer.from("new"));
    expect((await store.get(name)).toString()).toBe("new");
    expect(await listed(store)).toEqual([name]);
  });

  it("takes no large file for a small one", async () => {
    const { store } = open();
    await store.put(nameOf(1), Buffer.alloc(3 * MB));
    expect(await kindOf(store.get(nameOf(1)))).toBe("invalid");
  });

  it("shows nothing before it is whole, and the old until then", async () => {
    const { store } = open();
    await store.put(nameOf(2), Buffer.from("old"));
    const seen: unknown[] = [];
    const write = async (name: StoreName) =>
      store.write(name, async (give) => {
        for (let done = 0; done < 12; done += 1) await give(Buffer.alloc(MB, 1));
        seen.push(
          await listed(store),
          await kindOf(contentOf(store, nameOf(1))),
          String(await store.get(nameOf(2))),
        );
      });
    await write(nameOf(1));
    expect(seen).toEqual([[nameOf(2)], "not-found", "old"]);
    await write(nameOf(2));
    expect(seen.at(-1)).toBe("old");
    expect((await contentOf(store, nameOf(2))).equals(Buffer.alloc(12 * MB, 1))).toBe(true);
  });

  it.each([0, 1, 12])("leaves nothing of what breaks off after %d MB, and says why", async (megabytes) => {
    const { store, rig } = open();
    await store.put(nameOf(2), Buffer.from("another"));
    const why = new Error("the snapshot failed");
    const broken = store.write(nameOf(1), async (write) => {
      for (let done = 0; done < megabytes; done += 1) await write(randomBytes(MB));
      throw why;
    });
    await expect(broken).rejects.toBe(why);
    expect(rig.debris()).toBe(0);
    expect(await listed(store)).toEqual([nameOf(2)]);
    await store.put(nameOf(1), Buffer.from("again"));
    expect(String(await store.get(nameOf(1)))).toBe("again");
  });

  it("shows nothing of a writer that is killed, and clears up after it when that is old", async () => {
    const { store, rig } = open();
    const writer = startStoreProcess(task(rig, { work: "write", megabytes: 30, haltAfter: 17 }));
    expect(await writer.next()).toEqual({ written: 17 * MB });
    await vi.waitFor(() => expect(rig.debris()).toBe(1), { timeout: 20_000, interval: 20 });
    await writer.kill();
    expect(await listed(store)).toEqual([]);
    expect(await kindOf(store.read(nameOf(1)))).toBe("not-found");
    expect(await store.removeLeftovers(LONG_AGO)).toBe(0);
    expect(rig.debris()).toBe(1);
    const later = new Date(Date.now() + 60_000);
    expect(await store.removeLeftovers(later)).toBe(1);
    expect(rig.debris()).toBe(0);
    expect(await store.removeLeftovers(later)).toBe(0);
  });

  it("never mixes two writers of one name", async () => {
    const { store, rig } = open();
    const write = (byte: number) =>
      store.write(nameOf(1), async (give) => {
        for (let done = 0; done < 11; done += 1) await give(Buffer.alloc(MB, byte));
      });
    await Promise.all([write(1), write(2)]);
    const content = await contentOf(store, nameOf(1));
    expect([1, 2]).toContain(content[0]);
    expect(content.equals(Buffer.alloc(11 * MB, content[0]))).toBe(true);
    expect(rig.debris()).toBe(0);
  });

  it("lists a folder, and nothing that isn't a backup's", async () => {
    const { store, rig } = open();
    const control = archiveName({
      kind: "control",
      licenseKey: null,
      takenAt: new Date("2026-01-03T00:00:00Z"),
      id: "0199c0de-0000-7000-8000-000000000001",
    });
    const ours = [
      control,
      erasedName("a".repeat(64)),
      nameOf(1, "GOOD"),
      nameOf(1, "GOOD-1"),
      nameOf(1),
      keyName(nameOf(1)),
      nameOf(2),
      nameOf(1, "kleine Tür/.."),
    ];
    for (const name of ours) await store.put(name, Buffer.from(name));
    const foreign = ["notes.txt", "control/notes.txt", "tenants/lost.tar", `${tenantFolder(KEY)}x/y.tar`];
    for (const path of foreign) await rig.plant(path, Buffer.from("x"));
    expect(await listed(store)).toEqual(ours.toSorted());
    expect(await listed(store, "tenants/")).toEqual(ours.slice(2).toSorted());
    expect(await listed(store, "erased/")).toEqual(ours.slice(1, 2));
    expect(await listed(store, tenantFolder("GOOD"))).toEqual([nameOf(1, "GOOD")]);
    expect(await listed(store, tenantFolder(KEY))).toEqual([nameOf(1), keyName(nameOf(1)), nameOf(2)]);
    expect(await listed(store, "control/")).toEqual([control]);
    expect(await listed(store, tenantFolder("NOBODY"))).toEqual([]);
    expect(await store.removeLeftovers(new Date(Date.now() + 60_000))).toBe(0);
  });

  it("lists more than fit on a page", async () => {
    const { store, rig } = open();
    const names = Array.from({ length: 1_205 }, (_nothing, index) => nameOf(index + 1));
    for (let from = 0; from < names.length; from += 50) {
      await Promise.all(names.slice(from, from + 50).map((name) => rig.plant(name, Buffer.alloc(1))));
    }
    await rig.plant(nameOf(1, "OTHER"), Buffer.alloc(1));
    expect(await listed(store, tenantFolder(KEY))).toEqual(names);
    expect(await listed(store)).toHaveLength(names.length + 1);
  });

  it("lets many remove what lies in one place, the last with the place itself", async () => {
    const { store } = open();
    for (let round = 0; round < 30; round += 1) {
      const names = [nameOf(1, "TOGETHER"), nameOf(2, "TOGETHER")] as const;
      for (const name of names) await store.put(name, Buffer.from("x"));
      const first = store.remove(names[0]);
      await wait(round / 15);
      await Promise.all([first, store.remove(names[1])]);
    }
    expect(await listed(store)).toEqual([]);
  });

  it("removes, and doesn't mind what is gone", async () => {
    const { store } = open();
    await store.put(nameOf(1), Buffer.from("1"));
    await store.put(nameOf(2), Buffer.from("2"));
    await store.remove(nameOf(1));
    await store.remove(nameOf(1));
    await store.remove(nameOf(1, "NOBODY"));
    expect(await listed(store)).toEqual([nameOf(2)]);
    expect(await kindOf(store.read(nameOf(1)))).toBe("not-found");
    expect(await kindOf(store.get(nameOf(1)))).toBe("not-found");
    await store.remove(nameOf(2));
    await store.put(nameOf(1), Buffer.from("1"));
    expect(await listed(store)).toEqual([nameOf(1)]);
  });

  it.each([
    "../outside",
    "/etc/passwd",
    "control/../../outside",
    `${nameOf(1)}.partial`,
    `${nameOf(1)}\0`,
    "tenants/..",
    "",
  ])("refuses the name %j, whoever got it past the types", async (text) => {
    const { store } = open();
    await store.put(nameOf(1), Buffer.from("1"));
    const name = text as StoreName;
    expect(storeName(text)).toBeNull();
    expect(await kindOf(store.read(name))).toBe("invalid");
    expect(await kindOf(store.get(name))).toBe("invalid");
    expect(await kindOf(store.put(name, Buffer.from("x")))).toBe("invalid");
    expect(await kindOf(store.remove(name))).toBe("invalid");
    expect(await listed(store)).toEqual([nameOf(1)]);
  });

  it.each(["..", "../", "tenants", "tenants/../", "tenants/a/b/", "/", "tenants//", "other/"])(
    "lists no folder %j",
    async (folder) => {
      const { store } = open();
      await store.put(nameOf(1), Buffer.from("1"));
      expect(await kindOf(listed(store, folder))).toBe("invalid");
    },
  );

  it("lets go of what is read no further", async () => {
    const { store } = open();
    await store.put(nameOf(1), randomBytes(MB));
    // More than a process has connections to one server.
    for (let round = 0; round < 80; round += 1) {
      const stream = await store.read(nameOf(1));
      if (round % 5 === 0) for await (const _chunk of stream) break;
      stream.destroy();
    }
    expect((await contentOf(store, nameOf(1))).length).toBe(MB);
  });

  it.each(["write", "read"] as const)(
    "has some parts in memory when it %ss a file, and not all of it",
    async (work) => {
      const { store, rig } = open();
      if (work === "read") {
        await store.write(nameOf(1), async (write) => {
          for (let done = 0; done < 100; done += 1) await write(Buffer.alloc(MB));
        });
      }
      const end = await startStoreProcess(task(rig, { work, megabytes: 100 })).next();
      expect(end).toMatchObject({ done: true, bytes: 100 * MB });
      expect((end as { peakMegabytes: number }).peakMegabytes).toBeLessThan(45);
    },
  );
});
