import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type CertificateClaims,
  type CertificateKey,
  issueCertificate,
  listCertificateKeys,
  publishedCertificateKeys,
  rotateCertificateKey,
} from "@tenantry/tenancy";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApi } from "./support/api.ts";
import { createTestDatabase, withAdmin } from "./support/database.ts";
import { acceptLicense } from "./support/requests.ts";
import { openTestInstallation } from "./support/tenantry.ts";

const VERIFY = fileURLToPath(new URL("../examples/offline-check/verify.mjs", import.meta.url));
const DAY_MS = 86_400_000;

const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url });
const { ctx } = installation;
const api = await startApi(installation);
const folder = await mkdtemp(join(tmpdir(), "tenantry-offline-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

const path = (name: string) => join(folder, name);
const inDays = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString();

/** What the example says of these files. */
async function check(certificate: string, keys: string, time?: string) {
  await Promise.all([writeFile(path("license.json"), certificate), writeFile(path("keys.json"), keys)]);
  const args = [VERIFY, path("license.json"), path("keys.json"), ...(time === undefined ? [] : [time])];
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: "utf8" });
  return { status, ...(stdout === "" ? {} : JSON.parse(stdout)) };
}

async function certificateOf(key: string): Promise<string> {
  const answer = await api.call("GET", `/v1/licenses/${key}/certificate`);
  expect(answer.status, answer.text).toBe(200);
  return answer.text;
}

const publicKeys = async (): Promise<string> =>
  (await api.call("GET", "/v1/certificate-keys", { token: null })).text;

function claimsOf(certificate: string): CertificateClaims {
  const [, payload = ""] = JSON.parse(certificate).certificate.split(".");
  return JSON.parse(Buffer.from(payload, "base64url").toString());
}

describe("a license file", () => {
  let key: string;
  let certificate: string;
  let keys: string;
  beforeAll(async () => {
    key = (
      await acceptLicense(installation, {
        maxUsers: 7,
        licenseType: "yearly",
        notes: "secret",
        phone: "0500",
      })
    ).license.key;
    certificate = await certificateOf(key);
    keys = await publicKeys();
  });

  it("is valid, says what was sold, and nothing of how to reach the client", async () => {
    const checked = await check(certificate, keys);
    expect(checked).toMatchObject({
      status: 0,
      result: "valid",
      license: {
        key,
        status: "active",
        maxUsers: 7,
        maxBranches: 50,
        licenseType: "yearly",
        blueprint: "erp",
      },
    });
    expect(Object.keys(checked.license)).not.toEqual(expect.arrayContaining(["notes"]));
    expect(JSON.stringify(checked)).not.toMatch(/secret|0500|owner@alnoor/);
    const claims = claimsOf(certificate);
    expect(claims).toMatchObject({ iss: "tenantry", sub: key });
    expect(claims.exp - claims.iat).toBe(30 * 86_400);
    expect(Object.keys(JSON.parse(certificate))).toEqual(["certificate"]);
  });

  it("ends after 30 days, to the second", async () => {
    const end = claimsOf(certificate).exp * 1000;
    const at = (offset: number) => check(certificate, keys, new Date(end + offset).toISOString());
    expect(await at(-1)).toMatchObject({ status: 0, result: "valid" });
    expect(await at(0)).toMatchObject({ status: 2, result: "expired", license: { key } });
    expect(await check(certificate, keys, inDays(400))).toMatchObject({ status: 2, result: "expired" });
  });

  it("ends with its license where that ends first", async () => {
    const expiresAt = inDays(3);
    const short = (await acceptLicense(installation, { expiresAt })).license.key;
    expect(claimsOf(await certificateOf(short)).exp).toBe(Math.floor(Date.parse(expiresAt) / 1000));
    const forever = (await acceptLicense(installation, { licenseType: "lifetime" })).license.key;
    const claims = claimsOf(await certificateOf(forever));
    expect(claims.license.expiresAt).toBeNull();
    expect(claims.exp - claims.iat).toBe(30 * 86_400);
  });

  it("is forged as soon as any byte of it is another", async () => {
    await writeFile(path("genuine.json"), certificate);
    const driver = `
      import { readFileSync, writeFileSync } from "node:fs";
      const [genuine, keys, flipped] = ${JSON.stringify([path("genuine.json"), path("keys.json"), path("flipped.json")])};
      const bytes = readFileSync(genuine);
      const counts = {};
      process.stdout.write = () => true;
      const flips = [[-1, 0], ...Array.from(bytes, (_, at) => [at, at % 8])];
      // In the last letter of a signature not every bit counts, so all of them are tried.
      for (let at = bytes.length - 4; at < bytes.length; at++) for (let bit = 0; bit < 8; bit++) flips.push([at, bit]);
      for (const [at, bit] of flips) {
        const copy = Buffer.from(bytes);
        if (at >= 0) copy[at] ^= 1 << bit;
        writeFileSync(flipped, copy);
        process.argv = ["node", "verify.mjs", flipped, keys];
        await import(${JSON.stringify(`file://${VERIFY}`)} + "?" + (counts.imports = (counts.imports ?? 0) + 1));
        counts[process.exitCode] = (counts[process.exitCode] ?? 0) + 1;
      }
      process.exitCode = 0;
      process.stderr.write(JSON.stringify(counts));`;
    await writeFile(path("keys.json"), keys);
    await writeFile(path("driver.mjs"), driver);
    const { stderr } = spawnSync(process.execPath, [path("driver.mjs")], { encoding: "utf8" });
    const flips = certificate.length + 4 * 8;
    expect(JSON.parse(stderr)).toEqual({ imports: 1 + flips, 0: 1, 3: flips });
  });

  it.each<[string, (parts: string[]) => string]>([
    [
      "more users",
      ([head, body, end]) =>
        [head, edit(body, (c) => ({ ...c, license: { ...c.license, maxUsers: 999 } })), end].join("."),
    ],
    [
      "a later end",
      ([head, body, end]) => [head, edit(body, (c) => ({ ...c, exp: c.exp + 1 })), end].join("."),
    ],
    ["no algorithm", ([, body]) => `${encode({ alg: "none" })}.${body}.`],
    ["a shared secret for an algorithm", ([, body, end]) => `${encode({ alg: "HS256" })}.${body}.${end}`],
    ["no signature", ([head, body]) => `${head}.${body}.${"A".repeat(86)}`],
    ["a part more", (parts) => `${parts.join(".")}.AAAA`],
    ["nothing", () => ""],
  ])("is forged with %s", async (_, forge) => {
    const forged = forge(JSON.parse(certificate).certificate.split("."));
    expect(await check(JSON.stringify({ certificate: forged }), keys)).toEqual({
      status: 3,
      result: "forged",
    });
  });

  it.each(["", "{}", "null", "[]", '{"certificate":7}', "\0", "<html>502</html>"])(
    "is forged when it is no license file: %j",
    async (text) => {
      expect(await check(text, keys)).toEqual({ status: 3, result: "forged" });
    },
  );

  it("isn't judged when a file is missing", () => {
    const { status } = spawnSync(process.execPath, [VERIFY, path("nowhere.json"), path("keys.json")]);
    expect(status).toBe(1);
  });

  it("is forged when another installation signed it, also under this one's key id", async () => {
    const stranger = await openTestInstallation({ databaseUrl: (await createTestDatabase()).url });
    const { license } = await acceptLicense(stranger);
    const theirs = await issueCertificate(stranger.ctx, license.key);
    expect(await check(JSON.stringify(theirs.file), keys)).toEqual({ status: 3, result: "forged" });
    const [, body, end] = theirs.file.certificate.split(".");
    const kid = JSON.parse(keys).keys[0].kid;
    const renamed = `${encode({ alg: "EdDSA", kid })}.${body}.${end}`;
    expect(await check(JSON.stringify({ certificate: renamed }), keys)).toEqual({
      status: 3,
      result: "forged",
    });
  });

  it("is verified by OpenSSL too, from the same public key", async () => {
    const [head, body, end = ""] = JSON.parse(certificate).certificate.split(".");
    const { x } = JSON.parse(keys).keys[0];
    const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), Buffer.from(x, "base64url")]);
    await Promise.all([
      writeFile(path("key.der"), der),
      writeFile(path("signed"), `${head}.${body}`),
      writeFile(path("signature"), Buffer.from(end, "base64url")),
    ]);
    const openssl = ["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-rawin"];
    const files = ["-inkey", path("key.der"), "-in", path("signed"), "-sigfile", path("signature")];
    const done = spawnSync("openssl", [...openssl, ...files], { encoding: "utf8" });
    if (done.error === undefined)
      expect(done.stdout + done.stderr).toContain("Signature Verified Successfully");
  });

  it.each([
    ["suspended", { suspended_at: new Date() }, "LICENSE_SUSPENDED"],
    ["expired", { expires_at: new Date(Date.now() - 1000) }, "LICENSE_EXPIRED"],
    ["inactive", { is_active: false }, "LICENSE_INACTIVE"],
  ])("isn't given for a license that is %s", async (_, change, code) => {
    const { license } = await acceptLicense(installation);
    await ctx.control.updateTable("licenses").set(change).where("key", "=", license.key).execute();
    const answer = await api.call("GET", `/v1/licenses/${license.key}/certificate`);
    expect(answer.status).toBe(403);
    expect(answer.body).toMatchObject({ code });
    expect(answer.text).not.toContain('certificate":');
  });

  it("isn't given for a license that there isn't", async () => {
    const answer = await api.call("GET", "/v1/licenses/0000-0000-0000-0000/certificate");
    expect(answer.body).toMatchObject({ status: 404, code: "LICENSE_NOT_FOUND" });
  });
});

describe("the keys", () => {
  const states = async (): Promise<CertificateKey[]> => listCertificateKeys(ctx);
  const sql = (text: string) => withAdmin(database.adminUrl, (client) => client.query(text));

  it("are one when many ask for the first at once, in two processes", async () => {
    const other = await openTestInstallation({ databaseUrl: database.url });
    const { license } = await acceptLicense(installation);
    await sql("DELETE FROM tenantry.certificate_keys");
    const both = [ctx, other.ctx];
    const issued = await Promise.all(
      Array.from({ length: 30 }, (_, n) => issueCertificate(both[n % 2] ?? ctx, license.key)),
    );
    expect(new Set(issued.map(({ keyId }) => keyId)).size).toBe(1);
    expect(await states()).toHaveLength(1);
    const keys = await publicKeys();
    for (const { file } of [issued[0], issued[1]].filter((each) => each !== undefined))
      expect(await check(JSON.stringify(file), keys)).toMatchObject({ result: "valid" });
  });

  it("are there for who saves them before the first certificate", async () => {
    const { license } = await acceptLicense(installation);
    await sql("DELETE FROM tenantry.certificate_keys");
    const answer = await api.call("GET", "/v1/certificate-keys", { token: null });
    expect(answer.headers.get("cache-control")).toBe("public, max-age=300");
    expect(answer.body.keys).toEqual([
      {
        kty: "OKP",
        crv: "Ed25519",
        alg: "EdDSA",
        use: "sig",
        kid: expect.any(String),
        x: expect.any(String),
      },
    ]);
    expect(await check(await certificateOf(license.key), answer.text)).toMatchObject({ result: "valid" });
  });

  it("may be replaced: what the old one signed is valid until it ends, and then it is published no more", async () => {
    const { license } = await acceptLicense(installation);
    const before = await certificateOf(license.key);
    const saved = await publicKeys();
    const [old] = await states();
    const id = await rotateCertificateKey(ctx);
    expect(id).not.toBe(old?.id);
    const after = await certificateOf(license.key);
    const both = await publicKeys();
    for (const file of [before, after]) expect(await check(file, both)).toMatchObject({ result: "valid" });
    // Who kept the keys of then can still check the file of then, and not the new one.
    expect(await check(before, saved)).toMatchObject({ result: "valid" });
    expect(await check(after, saved)).toMatchObject({ result: "forged" });

    const rows = await sql(`SELECT salt FROM tenantry.certificate_keys WHERE id = '${old?.id}'`);
    expect(rows.rows).toEqual([{ salt: null }]);
    expect((await states()).find((key) => key.id === old?.id)).toMatchObject({
      published: true,
      lastCertificateEndsAt: new Date(claimsOf(before).exp * 1000).toISOString(),
    });
    await sql(
      `UPDATE tenantry.certificate_keys SET last_certificate_ends_at = now() WHERE id = '${old?.id}'`,
    );
    expect((await publishedCertificateKeys(ctx)).map(({ kid }) => kid)).toEqual([id]);
    expect((await states()).find((key) => key.id === old?.id)).toMatchObject({ published: false });
  });

  it("stay one while many replace them and many sign", async () => {
    const { license } = await acceptLicense(installation);
    const work = Array.from({ length: 24 }, (_, n) =>
      n % 4 === 0 ? rotateCertificateKey(ctx) : issueCertificate(ctx, license.key),
    );
    const issued = (await Promise.all(work)).filter((each) => typeof each !== "string");
    const keys = await publicKeys();
    const published = new Set(JSON.parse(keys).keys.map(({ kid }: { kid: string }) => kid));
    expect(issued.filter(({ keyId }) => !published.has(keyId))).toEqual([]);
    expect((await states()).filter(({ retiredAt }) => retiredAt === null)).toHaveLength(1);
    expect(await check(JSON.stringify(issued.at(-1)?.file), keys)).toMatchObject({ result: "valid" });
  });

  it("are made anew when the installation's secret is another", async () => {
    const { license } = await acceptLicense(installation);
    const before = await issueCertificate(ctx, license.key);
    const after = await issueCertificate({ ...ctx, secret: randomBytes(32) }, license.key);
    expect(after.keyId).not.toBe(before.keyId);
    const keys = await publicKeys();
    for (const { file } of [before, after])
      expect(await check(JSON.stringify(file), keys)).toMatchObject({ result: "valid" });
  });

  it("have no private half anywhere in the database", async () => {
    await publicKeys();
    const { rows } = await sql(
      "SELECT string_agg(c.column_name, ' ' ORDER BY c.column_name) AS names FROM information_schema.columns c WHERE table_name = 'certificate_keys'",
    );
    expect(rows[0].names).toBe("created_at id last_certificate_ends_at public_key retired_at salt");
  });
});

it("the example is short, and stands on Node alone", async () => {
  const source = await readFile(VERIFY, "utf8");
  expect(source.trim().split("\n").length).toBeLessThanOrEqual(24);
  expect([...source.matchAll(/from "([^"]+)"/g)].every(([, from]) => from?.startsWith("node:"))).toBe(true);
});

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString("base64url");
}

function edit(part: string | undefined, change: (claims: CertificateClaims) => object): string {
  return encode(change(JSON.parse(Buffer.from(part ?? "", "base64url").toString())));
}
