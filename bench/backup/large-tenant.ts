import { rm } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import type { BenchServer } from "../measuring/postgres-server.ts";
import { asSuperuser, type Measured, measured } from "./among-others.ts";
import { fillTenant, SHOP } from "./fill.ts";
import {
  type Peer,
  type ProgramRun,
  pgDump,
  pgDumpFast,
  pgDumpZstd,
  pgRestore,
  pgRestoreAtOnce,
  pgRestoreParallel,
} from "./peers.ts";
import type { Plan } from "./plan.ts";
import { startTenantryProcess } from "./tenantry-process.ts";
import { makeEmptyTenant } from "./tenants.ts";

export const OURS = "Tenantry";
export const OURS_ENCRYPTED = "Tenantry, encrypted and signed";

export interface LargeTenant {
  readonly rows: number;
  /** By name. */
  readonly backups: Readonly<Record<string, Measured & { readonly bytes: number }>>;
  readonly restores: Readonly<Record<string, Measured>>;
}

type Dumped = ProgramRun & { readonly bytes: number };
type Work<R> = readonly [name: string, work: () => Promise<R>];

/** One large tenant, backed up and restored by everybody in turns. */
export async function measureLargeTenant(
  server: BenchServer,
  folder: string,
  { largeRows, largeRounds }: Plan,
  tell: (message: string) => void,
): Promise<LargeTenant> {
  tell(`making a tenant of ${largeRows} rows`);
  const databaseUrl = await server.createDatabase();
  const superuserUrl = asSuperuser(server, databaseUrl);
  const schema = await makeEmptyTenant(databaseUrl, "erp");
  const rows = await fillTenant(superuserUrl, schema, SHOP, largeRows);
  const open = { name: OURS, file: join(folder, "large.tar"), encrypted: false };
  const encrypted = { name: OURS_ENCRYPTED, file: join(folder, "large.enc.tar"), encrypted: true };
  const dump = join(folder, "large.dump");

  const backUp = (peer: Peer): Work<Dumped> => {
    const file = peer === pgDumpFast ? dump : join(folder, "other.dump");
    return [peer.name, () => peer.dump(superuserUrl, schema, file)];
  };
  const backups: Work<Dumped>[] = [
    backUp(pgDumpZstd),
    ...[open, encrypted].map(
      ({ name, ...order }): Work<Dumped> => [
        name,
        () => alone({ kind: "backup", databaseUrl, schema, ...order }),
      ],
    ),
    backUp(pgDumpFast),
    backUp(pgDump),
  ];
  const into = async (work: (databaseUrl: string) => Promise<ProgramRun>): Promise<ProgramRun> => {
    const url = await server.createDatabase();
    await server.checkpoint();
    try {
      return await work(url);
    } finally {
      await dropDatabase(server, url);
    }
  };
  const restores: Work<ProgramRun>[] = [
    ...[pgRestoreAtOnce, pgRestore, pgRestoreParallel].map(
      ({ name, restore }): Work<ProgramRun> => [
        name,
        () => into((url) => restore(asSuperuser(server, url), dump)),
      ],
    ),
    ...[open, encrypted].map(
      ({ name, ...order }): Work<ProgramRun> => [
        name,
        () => into((url) => alone({ kind: "restore", databaseUrl: url, schema, ...order })),
      ],
    ),
  ];
  try {
    const dumped = await inTurns("backup", backups, largeRounds, tell, () => server.checkpoint());
    const restored = await inTurns("restore", restores, largeRounds, tell, async () => undefined);
    return {
      rows,
      backups: Object.fromEntries(
        [...dumped].map(([name, runs]) => [name, { ...measured(runs), bytes: runs[0]?.bytes ?? 0 }]),
      ),
      restores: Object.fromEntries([...restored].map(([name, runs]) => [name, measured(runs)])),
    };
  } finally {
    await dropDatabase(server, databaseUrl);
    const files = [dump, join(folder, "other.dump"), open.file, encrypted.file, `${encrypted.file}.key`];
    await Promise.all(files.map((file) => rm(file, { force: true })));
  }
}

/** In a process that has done nothing before: so its peak is this work's own. */
export async function alone(
  order: Parameters<Awaited<ReturnType<typeof startTenantryProcess>>["carryOut"]>[0],
): Promise<Dumped> {
  const process = await startTenantryProcess();
  try {
    return await process.carryOut(order);
  } finally {
    await process.stop();
  }
}

async function inTurns<R>(
  what: string,
  all: readonly Work<R>[],
  rounds: number,
  tell: (message: string) => void,
  before: () => Promise<void>,
): Promise<Map<string, R[]>> {
  const results = new Map<string, R[]>(all.map(([name]) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    const first = round % all.length;
    for (const [name, work] of [...all.slice(first), ...all.slice(0, first)]) {
      tell(`${what}, round ${round + 1} of ${rounds}: ${name}`);
      await before();
      results.get(name)?.push(await work());
    }
  }
  return results;
}

/** A large tenant's is some gigabytes. */
export async function dropDatabase({ superuserUrl }: BenchServer, databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: superuserUrl });
  await client.connect();
  try {
    await client.query(`DROP DATABASE ${new URL(databaseUrl).pathname.slice(1)} WITH (FORCE)`);
  } finally {
    await client.end();
  }
}
