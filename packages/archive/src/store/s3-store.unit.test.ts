import { randomBytes } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { inspect } from "node:util";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { freePort } from "../../../../test/support/free-port.ts";
import { startProxy } from "../../../../test/support/proxy.ts";
import { type Refusal, startS3Server } from "../../../../test/support/s3-server.ts";
import type { BackupStore } from "./backup-store.ts";
import { openBackupStore } from "./open-backup-store.ts";
import type { StoreError } from "./store-error.ts";
import { archiveName, type StoreName } from "./store-name.ts";

const MB = 1024 * 1024;
const NAME: StoreName = archiveName({
  kind: "control",
  licenseKey: null,
  takenAt: new Date("2026-11-23T02:01:39Z"),
  id: "0199c0de-0000-7000-8000-000000000001",
});

const server = await startS3Server();
for (const [name, value] of Object.entries(server.env)) vi.stubEnv(name, value);
const opened: BackupStore[] = [];
afterEach(async () => {
  server.refuse(null);
  for (const [name, value] of Object.entries(server.env)) vi.stubEnv(name, value);
  for (const store of opened.splice(0)) await store.close();
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await server.stop();
});

function open({
  endpoint = server.endpoint,
  bucket = server.bucket,
  prefix = randomBytes(6).toString("hex"),
} = {}): BackupStore {
  const store = openBackupStore(`s3://${bucket}/${prefix}`, { s3Endpoint: endpoint, s3PartBytes: 5 * MB });
  opened.push(store);
  return store;
}

function fill(store: BackupStore, megabytes = 17): Promise<void> {
  return store.write(NAME, async (write) => {
    for (let done = 0; done < megabytes; done += 1) await write(Buffer.alloc(MB, done));
  });
}

async function listed(store: BackupStore): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of store.list("")) names.push(name);
  return names;
}

async function faultOf(work: Promise<unknown>): Promise<StoreError> {
  return work.then(
    () => Promise.reject(new Error("it did what it was asked for")),
    (error) => error,
  );
}

/** What every verb of a store comes to. */
async function kindsOf(store: BackupStore): Promise<Set<string>> {
  const work = [
    fill(store),
    store.put(NAME, Buffer.from("1")),
    store.get(NAME),
    store.read(NAME),
    listed(store),
    store.remove(NAME),
    store.removeLeftovers(new Date()),
  ];
  return new Set(await Promise.all(work.map(async (one) => (await faultOf(one)).kind)));
}

describe("a store in a bucket", { timeout: 120_000 }, () => {
  it("says so where its key isn't known", async () => {
    vi.stubEnv("AWS_ACCESS_KEY_ID", "somebody-else");
    expect(await kindsOf(open())).toEqual(new Set(["denied"]));
  });

  it("says so where no credentials are to be found", async () => {
    vi.stubEnv("AWS_ACCESS_KEY_ID", undefined);
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", undefined);
    const store = open();
    expect(await kindsOf(store)).toEqual(new Set(["denied"]));
    expect((await faultOf(store.get(NAME))).message).toContain("no credentials");
  });

  it("tells a bucket that isn't there from a backup that isn't there", async () => {
    const fault = await faultOf(open({ bucket: "no-such-bucket" }).get(NAME));
    expect(fault).toMatchObject({ kind: "invalid", message: expect.stringContaining("NoSuchBucket") });
    expect(await faultOf(open().get(NAME))).toMatchObject({ kind: "not-found" });
    expect((await faultOf(fill(open({ bucket: "no-such-bucket" })))).kind).toBe("invalid");
    expect((await faultOf(listed(open({ bucket: "no-such-bucket" })))).kind).toBe("invalid");
  });

  it("says so when nobody is there", async () => {
    expect(await kindsOf(open({ endpoint: `http://127.0.0.1:${await freePort()}` }))).toEqual(
      new Set(["away"]),
    );
    expect((await faultOf(open({ endpoint: "http://nowhere.invalid" }).get(NAME))).kind).toBe("away");
  });

  it.each<[string, Refusal, string]>([
    ["full", { status: 507, code: "XMinioStorageFull" }, "full"],
    ["at the end of a quota", { status: 403, code: "QuotaExceeded" }, "full"],
    ["closed to writers", { status: 403, code: "AccessDenied" }, "denied"],
    ["broken", { status: 500, code: "InternalError" }, "away"],
    ["in a region of its own", { status: 400, code: "AuthorizationHeaderMalformed" }, "invalid"],
  ])("says so when it is %s in the middle of a backup, and leaves nothing", async (_, refusal, kind) => {
    const store = open();
    let parts = 0;
    server.refuse((method, path) => {
      if (method !== "PUT" || !path.includes("partNumber")) return null;
      parts += 1;
      return parts > 1 ? refusal : null;
    });
    const fault = await faultOf(fill(store));
    expect(fault).toMatchObject({ kind, message: expect.stringContaining(refusal.code) });
    expect(fault.remedy).not.toBe("");
    expect(await listed(store)).toEqual([]);
    expect(server.uploads()).toEqual([]);
    server.refuse(null);
    await fill(store);
    expect(await listed(store)).toEqual([NAME]);
  });

  it.each(["PUT", "POST"])("leaves nothing when the last step is refused (%s)", async (method) => {
    const store = open();
    await store.put(NAME, Buffer.from("old"));
    server.refuse((asked, path) =>
      asked === method && !path.includes("uploads") && !path.includes("partNumber")
        ? { status: 403, code: "AccessDenied" }
        : null,
    );
    expect((await faultOf(fill(store, method === "PUT" ? 1 : 17))).kind).toBe("denied");
    server.refuse(null);
    expect(String(await store.get(NAME))).toBe("old");
    expect(server.uploads()).toEqual([]);
  });

  it("tells who writes at once that it is broken", async () => {
    const store = open();
    server.refuse((method) => (method === "PUT" ? { status: 403, code: "AccessDenied" } : null));
    let written = 0;
    const endless = store.write(NAME, async (write) => {
      for (; written < 500; written += 1) await write(Buffer.alloc(MB));
    });
    expect((await faultOf(endless)).kind).toBe("denied");
    expect(written).toBeLessThan(100);
  });

  it("lets no writer get away with taking no notice of a failure", async () => {
    const store = open();
    server.refuse((_method, path) =>
      path.includes("partNumber") ? { status: 507, code: "XMinioStorageFull" } : null,
    );
    const careless = store.write(NAME, async (write) => {
      for (let done = 0; done < 20; done += 1) await write(Buffer.alloc(MB)).catch(() => undefined);
    });
    expect((await faultOf(careless)).kind).toBe("full");
    expect(await listed(store)).toEqual([]);
  });

  it("gets over a server that is overloaded for a moment", async () => {
    const store = open();
    const failed = new Set<string>();
    server.refuse((method, path) => {
      if (failed.has(method + path)) return null;
      failed.add(method + path);
      return { status: 503, code: "SlowDown" };
    });
    await fill(store);
    expect(await listed(store)).toEqual([NAME]);
    expect((await buffer(await store.read(NAME))).length).toBe(17 * MB);
    await store.remove(NAME);
    expect(failed.size).toBeGreaterThan(5);
  });

  it("reads on where a connection broke", async () => {
    const proxy = await startProxy(server.endpoint);
    const direct = open();
    const content = randomBytes(24 * MB);
    await direct.put(NAME, content);
    const store = openBackupStore(direct.url, { s3Endpoint: proxy.url.replace(/\/$/, "") });
    opened.push(store);
    const chunks: Buffer[] = [];
    let bytes = 0;
    let cuts = 0;
    for await (const chunk of await store.read(NAME)) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes < (cuts + 1) * 7 * MB) continue;
      cuts += 1;
      await proxy.cut();
      await proxy.restore();
    }
    expect(cuts).toBe(3);
    expect(Buffer.concat(chunks).equals(content)).toBe(true);
    await proxy.close();
  });

  it("ends a reading that can't go on, and doesn't go on with another file's bytes", async () => {
    const proxy = await startProxy(server.endpoint);
    const direct = open();
    await direct.put(NAME, Buffer.alloc(24 * MB, 1));
    const store = openBackupStore(direct.url, { s3Endpoint: proxy.url.replace(/\/$/, "") });
    opened.push(store);
    const readOver = async (meanwhile: () => Promise<void>) => {
      const seen = new Set<number>();
      let done = false;
      for await (const chunk of await store.read(NAME)) {
        for (const byte of new Set<number>(chunk)) seen.add(byte);
        if (!done) await meanwhile();
        done = true;
      }
      return seen;
    };
    const replaced = await faultOf(
      readOver(async () => {
        await proxy.cut();
        await direct.put(NAME, Buffer.alloc(24 * MB, 2));
        await proxy.restore();
      }),
    );
    expect(replaced).toMatchObject({ kind: "away", message: expect.stringContaining("replaced") });
    expect((await faultOf(readOver(() => proxy.cut()))).kind).toBe("away");
    await proxy.close();
  });

  it("aborts what is left of its own, and nobody else's", async () => {
    const mine = open({ prefix: "mine" });
    const other = open({ prefix: "mine-not" });
    // Taking back is refused as well: that is what a writer leaves that is cut off.
    server.refuse((method, path) =>
      method === "DELETE" || path.includes("partNumber") ? { status: 403, code: "AccessDenied" } : null,
    );
    for (const store of [mine, mine, mine, other]) await faultOf(fill(store));
    server.refuse(null);
    await fetch(`${server.endpoint}/${server.bucket}/mine/of-somebody-else.tar?uploads`, {
      method: "POST",
      headers: { authorization: `Credential=${server.env.AWS_ACCESS_KEY_ID}/` },
    });
    expect(server.uploads()).toHaveLength(5);
    expect(await mine.removeLeftovers(new Date(Date.now() - 60_000))).toBe(0);
    expect(await mine.removeLeftovers(new Date(Date.now() + 60_000))).toBe(3);
    expect(server.uploads()).toMatchObject([
      { key: `mine-not/${NAME}` },
      { key: "mine/of-somebody-else.tar" },
    ]);
    expect(await other.removeLeftovers(new Date(Date.now() + 60_000))).toBe(1);
  });

  it("has no secret in what it says or shows", async () => {
    const secret = String(server.env.AWS_SECRET_ACCESS_KEY);
    server.refuse(() => ({ status: 403, code: "SignatureDoesNotMatch" }));
    const fault = await faultOf(open().get(NAME));
    const shown = inspect(fault, { depth: 9, showHidden: true }) + JSON.stringify(fault) + fault.remedy;
    expect(fault.kind).toBe("denied");
    for (const part of [secret, String(server.env.AWS_ACCESS_KEY_ID), "Signature=", "Credential="]) {
      expect(shown).not.toContain(part);
    }
  });

  it("asks a server by its own name, whatever the bucket is called", async () => {
    const store = open({ endpoint: server.endpoint.replace("127.0.0.1", "localhost") });
    await store.put(NAME, Buffer.from("1"));
    expect(await listed(store)).toEqual([NAME]);
  });

  it("needs a region for Amazon's own servers, and says so", async () => {
    const store = openBackupStore(`s3://${server.bucket}`);
    opened.push(store);
    expect(await faultOf(store.get(NAME))).toMatchObject({
      kind: "invalid",
      message: expect.stringContaining("AWS_REGION"),
    });
  });
});

describe("the address of a store", () => {
  it.each([
    "file:///srv/backups",
    "file:///",
    "s3://my.backups",
    "s3://backups/tenantry/eu-1",
    "s3://backups/a/",
  ])("may be %s", (url) => {
    expect(openBackupStore(url).url).toBe(url);
  });

  it.each([
    "",
    "/srv/backups",
    "file://host/srv",
    "file:///srv%2Fx",
    "file:///srv?secret",
    "file:///srv#secret",
    "http://bucket/x",
    "s3://",
    "s3://B",
    "s3://bucket/../x",
    "s3://bucket//x",
    "s3://bucket/a b",
    "s3://key:secret@bucket/x",
    "s3://bucket/x?secret",
    "s3://bucket:9000/x",
  ])("may not be %j, which isn't repeated", (url) => {
    const open = () => openBackupStore(url);
    expect(open).toThrow(expect.objectContaining({ name: "StoreError", kind: "invalid" }));
    expect(open).not.toThrow(/secret/);
  });
});
