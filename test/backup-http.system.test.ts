import { createHash, randomBytes, randomUUID } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import { type Answer, startApi } from "./support/api.ts";
import { createTestDatabase } from "./support/database.ts";
import { ADMIN_PASSWORD, createLicenseBody } from "./support/requests.ts";
import { openTestInstallation, queueStores } from "./support/tenantry.ts";

describe.each(queueStores())("backups over HTTP, queue on $name", async ({ redisUrl }) => {
  const database = await createTestDatabase();
  const installation = await openTestInstallation({
    databaseUrl: database.url,
    redisUrl,
    backups: { key: randomBytes(32) },
  });
  const { ctx } = installation;
  const api = await startApi(installation);
  await installation.work();

  const WAIT = { prefer: "wait=60" };

  async function sold(): Promise<{ key: string; schema: string }> {
    const answer = await api.call("POST", "/v1/licenses", { body: createLicenseBody(), headers: WAIT });
    expect(answer.status).toBe(201);
    return { key: answer.body.license.key, schema: answer.body.tenant.schema };
  }

  async function backedUp(key: string): Promise<Record<string, string>> {
    const answer = await api.call("POST", `/v1/licenses/${key}/backups`, { headers: WAIT });
    expect(answer.status, answer.text).toBe(200);
    return (await api.call("GET", `/v1/backups/${answer.body.backup.id}`)).body;
  }

  const restore = (id: string | undefined, body: object): Promise<Answer> =>
    api.call("POST", `/v1/backups/${id}/restore`, { body, headers: WAIT });

  const signIn = (licenseKey: string): Promise<Answer> =>
    api.call("POST", "/v1/sessions", {
      token: null,
      body: { licenseKey, username: "admin", password: ADMIN_PASSWORD },
    });

  const branchOf = async (schema: string): Promise<string> => {
    const { rows } = await sql<{ name: string }>`select name from ${sql.id(schema)}.branches`.execute(
      ctx.control,
    );
    return rows.map(({ name }) => name).join();
  };
  const rename = (schema: string, name: string) =>
    sql`update ${sql.id(schema)}.branches set name = ${name}`.execute(ctx.control);

  it("are ordered once, and listed with their own license alone", async () => {
    const [one, other] = [await sold(), await sold()];
    const order = () =>
      api.call("POST", `/v1/licenses/${one.key.toLowerCase()}/backups`, {
        headers: { ...WAIT, "idempotency-key": `night ${one.key}` },
      });
    const [first, second] = await Promise.all([order(), order()]);
    expect([first.status, second.status], first.text).toEqual([200, 200]);
    expect(first.body.operation).toMatchObject({ kind: "backup", state: "succeeded", licenseKey: one.key });
    expect(second.body.operation.id).toBe(first.body.operation.id);
    expect([first, second].filter(({ headers }) => headers.has("idempotency-replayed"))).toHaveLength(1);
    const listed = await api.call("GET", `/v1/licenses/${one.key}/backups`);
    expect(listed.body.items).toEqual([
      expect.objectContaining({
        id: first.body.backup.id,
        licenseKey: one.key,
        state: "ready",
        kind: "tenant",
      }),
    ]);
    expect(listed.body.items[0].rows).toBeGreaterThan(0);
    expect((await api.call("GET", `/v1/licenses/${other.key}/backups`)).body.items).toEqual([]);
    expect((await api.call("GET", `/v1/backups?licenseKey=${other.key}`)).body.items).toEqual([]);
    const elsewhere = await api.call("POST", `/v1/licenses/${other.key}/backups`, {
      headers: { "idempotency-key": `night ${one.key}` },
    });
    expect(elsewhere.body.code).toBe("IDEMPOTENCY_KEY_REUSED");
  });

  it("are made of everything in a run, control data too", async () => {
    const { key } = await sold();
    const answer = await api.call("POST", "/v1/backups", { body: {}, headers: WAIT });
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body.operation.children).toMatchObject({ failed: 0 });
    const ofControl = await api.call("GET", "/v1/backups?kind=control&state=ready");
    expect(ofControl.body.items).toHaveLength(1);
    expect(ofControl.body.items[0].licenseKey).toBeNull();
    expect((await api.call("GET", `/v1/licenses/${key}/backups?state=ready`)).body.items).toHaveLength(1);
    const onlyOne = await api.call("POST", "/v1/backups", { body: { licenseKeys: [key] }, headers: WAIT });
    expect(onlyOne.body.operation.children).toMatchObject({ total: 1, succeeded: 1 });
  });

  it("of nobody are not found, and are no other things' ids", async () => {
    const { key } = await sold();
    const { operationId } = await backedUp(key);
    for (const id of [randomUUID(), operationId, "..%2F..%2Fetc%2Fpasswd", "1"]) {
      for (const route of [
        `GET /v1/backups/${id}`,
        `GET /v1/backups/${id}/content`,
        `POST /v1/backups/${id}/check`,
      ]) {
        const [method = "", path = ""] = route.split(" ");
        const answer = await api.call(method, path);
        expect([answer.status, answer.body.code], route).toEqual([404, "BACKUP_NOT_FOUND"]);
      }
      expect((await restore(id, { mode: "copy" })).body.code).toBe("BACKUP_NOT_FOUND");
    }
    const nobodys = await api.call("POST", "/v1/licenses/0000-0000-0000-0000/backups");
    expect(nobodys.body.code).toBe("LICENSE_NOT_FOUND");
    expect((await api.call("GET", "/v1/licenses/0000-0000-0000-0000/backups")).body.code).toBe(
      "LICENSE_NOT_FOUND",
    );
  });

  it("are nothing for a tenant's own users", async () => {
    const { key } = await sold();
    const { id } = await backedUp(key);
    const { token } = (await signIn(key)).body;
    for (const path of [`/v1/backups/${id}`, `/v1/backups/${id}/content`, `/v1/licenses/${key}/backups`]) {
      expect((await api.call("GET", path, { token })).status).toBe(401);
    }
    const reader = await api.key("backups:read");
    const refused = await api.call("POST", `/v1/backups/${id}/restore`, {
      token: reader,
      body: { mode: "replace" },
    });
    expect(refused.status).toBe(403);
  });

  it("replace their own tenant's data, and touch no neighbour", async () => {
    const [one, neighbour] = [await sold(), await sold()];
    const before = await branchOf(one.schema);
    const { id } = await backedUp(one.key);
    await rename(one.schema, "after the backup");
    await rename(neighbour.schema, "the neighbour's");
    const [mine, theirs] = [(await signIn(one.key)).body.token, (await signIn(neighbour.key)).body.token];
    const answer = await restore(id, { mode: "replace" });
    expect(answer.status, answer.text).toBe(200);
    expect(await branchOf(one.schema)).toBe(before);
    expect(await branchOf(neighbour.schema)).toBe("the neighbour's");
    expect((await api.call("GET", "/v1/session", { token: mine })).status).toBe(401);
    expect((await api.call("GET", "/v1/session", { token: theirs })).status).toBe(200);
    expect((await signIn(one.key)).status).toBe(201);

    const kept = (await api.call("GET", "/v1/kept-schemas")).body.items;
    expect(kept).toEqual([
      expect.objectContaining({ licenseKey: one.key, operationId: answer.body.operation.id }),
    ]);
    expect(await branchOf(kept[0].schema)).toBe("after the backup");
    expect((await api.call("DELETE", `/v1/kept-schemas/${id}`)).status).toBe(404);
    expect((await api.call("DELETE", `/v1/kept-schemas/${kept[0].id}`)).status).toBe(204);
    await expect(branchOf(kept[0].schema)).rejects.toThrow("does not exist");
    expect((await api.call("GET", "/v1/kept-schemas")).body.items).toEqual([]);
  });

  it("become a license beside the original, and never one that is somebody's", async () => {
    const [one, neighbour] = [await sold(), await sold()];
    const { id } = await backedUp(one.key);
    const taken = await restore(id, { mode: "copy", licenseKey: neighbour.key });
    expect(taken.body.code ?? taken.body.operation.error?.code).toBe("STATE_CONFLICT");
    const chosen = `COPY${one.key.slice(4)}`;
    const answer = await restore(id, { mode: "copy", licenseKey: chosen.toLowerCase() });
    expect(answer.status, answer.text).toBe(200);
    expect((await signIn(chosen)).status).toBe(201);
    expect((await signIn(one.key)).status).toBe(201);
    const { tenant } = (await api.call("GET", `/v1/licenses/${chosen}`)).body;
    await rename(tenant.schema, "the copy's");
    expect(await branchOf(one.schema)).not.toBe("the copy's");
  });

  it("are proven, cheaply or by bringing them back", async () => {
    const { key } = await sold();
    const { id } = await backedUp(key);
    const checked = await api.call("POST", `/v1/backups/${id}/check`);
    expect(checked.body).toMatchObject({ id, checkedAt: expect.any(String), verifiedAt: null });
    const verified = await api.call("POST", `/v1/backups/${id}/verify`, { headers: WAIT });
    expect(verified.status, verified.text).toBe(200);
    const listed = await api.call("GET", `/v1/licenses/${key}/backups`);
    expect(listed.body.items[0].verifiedAt).toEqual(expect.any(String));
  });

  it("are downloaded as they are, or as SQL", async () => {
    const { key } = await sold();
    const { id } = await backedUp(key);
    const response = await fetch(`${api.url}/v1/backups/${id}/content`, {
      headers: { authorization: `Bearer ${await api.key("backups:read")}` },
    });
    const content = Buffer.from(await response.arrayBuffer());
    expect(response.headers.get("content-type")).toBe("application/x-tar");
    expect(response.headers.get("content-disposition")).toMatch(/^attachment; filename="[\w.-]+\.tar"$/);
    const digest = createHash("sha256").update(content).digest("hex");
    const told = response.headers.get("x-content-sha256");
    if (told !== null) expect(told).toBe(digest);
    // ustar, https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html
    expect(content.subarray(257, 262).toString()).toBe("ustar");
    const inSql = await api.call("GET", `/v1/backups/${id}/content?format=sql`);
    expect(inSql.headers.get("content-type")).toMatch(/^application\/sql/);
    expect(inSql.text).toContain("Al Noor Trading");
    expect((await api.call("GET", `/v1/backups/${id}/content?format=zip`)).status).toBe(400);
  });

  it("are refused when a byte of them changed, before anything in use does", async () => {
    const { key, schema } = await sold();
    const { id } = await backedUp(key);
    await rename(schema, "as it is now");
    const path = archivePath(String(id));
    const whole = readFileSync(path);
    const flipped = Buffer.from(whole);
    const middle = flipped.length >> 1;
    flipped[middle] = (flipped[middle] ?? 0) ^ 1;
    writeFileSync(path, flipped);
    expect((await api.call("POST", `/v1/backups/${id}/check`)).body.code).toBe("BACKUP_CORRUPT");
    const answer = await restore(String(id), { mode: "replace" });
    expect(answer.body.code ?? answer.body.operation.error?.code).toBe("BACKUP_CORRUPT");
    expect(await branchOf(schema)).toBe("as it is now");
    const download = await api.call("GET", `/v1/backups/${id}/content`).catch((error: unknown) => error);
    expect(download instanceof Error || Reflect.get(Object(download), "status") === 422).toBe(true);
    writeFileSync(path, whole);
    expect((await api.call("POST", `/v1/backups/${id}/check`)).status).toBe(200);
  });

  it("come in only as archives, and only when they are trusted", async () => {
    const upload = (rawBody: string, type: string) =>
      api.call("POST", "/v1/backups/import", { rawBody, headers: { "content-type": type } });
    expect((await upload("{}", "application/json")).body.errors).toMatchObject([
      { pointer: "/headers/content-type" },
    ]);
    expect((await upload("not a tar", "application/x-tar")).status).toBe(422);
    expect((await upload("", "application/x-tar")).status).toBeGreaterThanOrEqual(400);
  });

  it("go for good when a license is erased, and not before it is deleted", async () => {
    const { key } = await sold();
    const { id } = await backedUp(key);
    const erase = (confirm: string) => api.call("DELETE", `/v1/licenses/${key}/backups?confirm=${confirm}`);
    expect((await erase("0000-0000-0000-0000")).body.errors).toMatchObject([{ pointer: "/confirm" }]);
    expect((await erase(key)).body.code).toBe("STATE_CONFLICT");
    const deleted = await api.call("DELETE", `/v1/licenses/${key}?confirm=${key}`, { headers: WAIT });
    expect(deleted.status, deleted.text).toBe(200);
    expect((await erase(key)).status).toBe(204);
    const listed = (await api.call("GET", `/v1/backups?licenseKey=${key}`)).body.items;
    for (const backup of listed) expect(backup.state).toBe("gone");
    expect((await restore(String(id), { mode: "copy" })).status).toBeGreaterThanOrEqual(400);
    expect((await api.call("GET", `/v1/licenses/${key}`)).text).not.toContain("Al Noor Trading");
  });

  function archivePath(id: string): string {
    const names = readdirSync(installation.backupDirectory, { recursive: true, encoding: "utf8" });
    const name = names.find((file) => file.includes(id) && file.endsWith(".tar"));
    expect(name).toBeDefined();
    return join(installation.backupDirectory, name ?? "");
  }
});
