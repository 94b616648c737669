import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it, onTestFinished } from "vitest";
import { startStoreProcess } from "../testing/store-process.ts";
import type { BackupStore } from "./backup-store.ts";
import { openBackupStore } from "./open-backup-store.ts";
import { StoreError } from "./store-error.ts";
import { archiveName, type StoreName } from "./store-name.ts";

const MB = 1024 * 1024;
const NAME = nameOf(1);

function nameOf(day: number): StoreName {
  return archiveName({
    kind: "tenant",
    licenseKey: "AB12-CD34-EF56-GH78",
    takenAt: new Date(Date.UTC(2026, 0, day)),
    id: "0199c0de-0000-7000-8000-000000000001",
  });
}

function temporaryFolder(): string {
  const path = mkdtempSync(join(tmpdir(), "tenantry-test-files-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function openIn(root: string): BackupStore {
  return openBackupStore(pathToFileURL(root).href);
}

async function kindOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => "done",
    (error) => error.kind ?? error,
  );
}

async function listed(store: BackupStore): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of store.list("")) names.push(name);
  return names;
}

function filesIn(path: string): string[] {
  return readdirSync(path, { recursive: true, encoding: "utf8" }).filter((name) =>
    lstatSync(join(path, name)).isFile(),
  );
}

/** A child says what it came to; the store's folder is the one given. */
function childIn(
  root: string,
  more: { unprivileged?: boolean; fileBytes?: number; work?: "read" | "write" },
) {
  const { unprivileged = false, fileBytes, work = "write" } = more;
  const url = pathToFileURL(root).href;
  const task = { url, endpoint: null, partBytes: 5 * MB, work, name: NAME, megabytes: 8, unprivileged };
  return startStoreProcess(task, fileBytes === undefined ? {} : { fileBytes }).next();
}

describe("a store in a folder", { timeout: 60_000 }, () => {
  it("is for its owner alone, whatever the process's umask", async () => {
    const before = process.umask(0);
    onTestFinished(() => void process.umask(before));
    const root = join(temporaryFolder(), "not", "yet", "there");
    await openIn(root).put(NAME, Buffer.from("1"));
    for (let path = dirname(join(root, NAME)); path !== dirname(dirname(root)); path = dirname(path)) {
      expect(statSync(path).mode & 0o777).toBe(0o700);
    }
    expect(statSync(join(root, NAME)).mode & 0o777).toBe(0o600);
  });

  it("leaves a folder that the operator has made as it is", async () => {
    const root = temporaryFolder();
    chmodSync(root, 0o750);
    await openIn(root).put(NAME, Buffer.from("1"));
    expect(statSync(root).mode & 0o777).toBe(0o750);
  });

  it("may stand behind a link of the operator's", async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "disk"));
    symlinkSync(join(folder, "disk"), join(folder, "backups"));
    const store = openIn(join(folder, "backups"));
    await store.put(NAME, Buffer.from("1"));
    expect(await listed(store)).toEqual([NAME]);
    expect(existsSync(join(folder, "disk", NAME))).toBe(true);
  });

  it.each(["tenants", dirname(NAME)])("follows no link that stands at %s", async (at) => {
    const folder = temporaryFolder();
    const elsewhere = join(folder, "elsewhere");
    const root = join(folder, "store");
    mkdirSync(join(elsewhere, "AB12-CD34-EF56-GH78"), { recursive: true });
    const secret =
      at === "tenants"
        ? join(elsewhere, NAME.slice("tenants/".length))
        : join(elsewhere, NAME.slice(at.length));
    writeFileSync(secret, "not yours");
    mkdirSync(dirname(join(root, at)), { recursive: true });
    symlinkSync(elsewhere, join(root, at));
    const store = openIn(root);
    expect(await kindOf(store.get(NAME))).toBe("invalid");
    expect(await kindOf(store.put(NAME, Buffer.from("1")))).toBe("invalid");
    expect(await kindOf(store.remove(NAME))).toBe("invalid");
    expect(await kindOf(listed(store))).not.toContain(NAME);
    expect(filesIn(elsewhere)).toHaveLength(1);
    expect(readFileSync(secret, "utf8")).toBe("not yours");
  });

  it("reads, lists and writes no file through a link in its place", async () => {
    const folder = temporaryFolder();
    const root = join(folder, "store");
    const secret = join(folder, "secret");
    writeFileSync(secret, "not yours");
    mkdirSync(dirname(join(root, NAME)), { recursive: true });
    symlinkSync(secret, join(root, NAME));
    const store = openIn(root);
    expect(await kindOf(store.get(NAME))).toBe("invalid");
    expect(await listed(store)).toEqual([]);
    await store.put(NAME, Buffer.from("mine"));
    expect(String(await store.get(NAME))).toBe("mine");
    expect(readFileSync(secret, "utf8")).toBe("not yours");
  });

  it("reads no folder, pipe or device for a file", async () => {
    const root = temporaryFolder();
    mkdirSync(join(root, NAME), { recursive: true });
    spawnSync("mkfifo", [join(root, nameOf(2))]);
    const store = openIn(root);
    expect(await kindOf(store.get(NAME))).toBe("invalid");
    expect(await kindOf(store.get(nameOf(2)))).toBe("invalid");
    expect(await listed(store)).toEqual([]);
  });

  it("tells a folder that isn't mounted from a store without that backup", async () => {
    const root = join(temporaryFolder(), "mount", "backups");
    const store = openIn(root);
    expect(await kindOf(store.get(NAME))).toBe("away");
    expect(await kindOf(store.remove(NAME))).toBe("away");
    expect(await kindOf(listed(store))).toBe("away");
    expect(await store.removeLeftovers(new Date())).toBe(0);
    expect(existsSync(root)).toBe(false);
    await store.put(NAME, Buffer.from("1"));
    expect(await kindOf(store.get(nameOf(2)))).toBe("not-found");
  });

  it("says so where its folder is a file", async () => {
    const root = join(temporaryFolder(), "backups");
    writeFileSync(root, "");
    const store = openIn(root);
    expect(await kindOf(store.put(NAME, Buffer.from("1")))).toBe("invalid");
    expect(await kindOf(store.get(NAME))).toBe("invalid");
    expect(await kindOf(openIn("/proc/none/backups").put(NAME, Buffer.from("1")))).not.toBe("done");
  });

  it("says so where it may not write or read, and leaves nothing", async () => {
    const root = temporaryFolder();
    chmodSync(root, 0o500);
    expect(await childIn(root, { unprivileged: true })).toMatchObject({ failed: "denied" });
    expect(filesIn(root)).toEqual([]);
    chmodSync(root, 0o700);
    await openIn(root).put(NAME, Buffer.from("1"));
    chmodSync(root, 0o000);
    expect(await childIn(root, { unprivileged: true, work: "read" })).toMatchObject({ failed: "denied" });
    chmodSync(root, 0o700);
  });

  it("says so where a file may not get any larger, leaves nothing, and keeps what was there", async () => {
    const root = temporaryFolder();
    await openIn(root).put(NAME, Buffer.from("old"));
    const end = await childIn(root, { fileBytes: 3 * MB });
    expect(end).toMatchObject({ failed: "full", message: expect.stringContaining("EFBIG") });
    expect(filesIn(root)).toEqual([NAME]);
    expect(readFileSync(join(root, NAME), "utf8")).toBe("old");
  });

  it("lets no writer get away with taking no notice of a full disk", async () => {
    const store = openIn(temporaryFolder());
    const error = await store
      .write(NAME, async (write) => {
        // What no disk takes stands in for what this one has no room for.
        await write({ byteLength: -1 } as unknown as Buffer).catch(() => undefined);
      })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StoreError);
    expect(await listed(store)).toEqual([]);
  });

  /** Null for those who may not mount one, who aren't root or are in a container. */
  const disk = mountedDisk();
  it.runIf(disk !== null)(
    "says so when the disk is full, leaves nothing, and goes on when there is room",
    async () => {
      const store = openIn(disk ?? "");
      await store.put(nameOf(2), Buffer.from("old"));
      const large = (name: StoreName) =>
        store.write(name, async (write) => {
          for (let done = 0; done < 12; done += 1) await write(Buffer.alloc(MB));
        });
      const error = await large(NAME).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ kind: "full", message: expect.stringContaining("ENOSPC") });
      expect(filesIn(disk ?? "")).toEqual([nameOf(2)]);
      spawnSync("mount", ["-o", "remount,size=32m", disk ?? ""]);
      await large(NAME);
      expect((await listed(store)).sort()).toEqual([NAME, nameOf(2)]);
    },
  );
});

function mountedDisk(): string | null {
  const place = mkdtempSync(join(tmpdir(), "tenantry-test-disk-"));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", place]);
  afterAll(() => {
    spawnSync("umount", [place]);
    rmSync(place, { recursive: true, force: true });
  });
  return mounted.status === 0 ? place : null;
}
