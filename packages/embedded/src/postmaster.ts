import { readFile, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { commandLine, isAlive } from "./processes.ts";

/** A running server, as its `postmaster.pid` describes it. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  /** `starting`, `ready`, `stopping`, `standby`; empty very early in a start. */
  readonly status: string;
}

/**
 * The server that runs on the cluster, if one does. A `postmaster.pid` left by a killed server is removed
 * when its pid now belongs to another program, since PostgreSQL would take that for itself and refuse to start.
 */
export async function findPostmaster(cluster: string): Promise<Postmaster | undefined> {
  const file = join(cluster, "postmaster.pid");
  const postmaster = parsePidFile(await readFile(file, "utf8").catch(() => ""));
  if (!postmaster) return undefined;
  if (await isAlive(postmaster.pid)) {
    const command = await commandLine(postmaster.pid);
    if (command === undefined) return (await answers(postmaster.port)) ? postmaster : undefined;
    if (isServerOf(cluster, command)) return postmaster;
  }
  // Ended between the two looks, or replaced by a new one: then the file isn't the one we judged.
  const again = parsePidFile(await readFile(file, "utf8").catch(() => ""));
  if (again?.pid === postmaster.pid) await rm(file, { force: true });
  return undefined;
}

/** Reads the lines of `postmaster.pid`: pid, data directory, start, port, socket, address, memory key, status. */
export function parsePidFile(text: string): Postmaster | undefined {
  const lines = text.split("\n");
  const pid = Math.abs(Number(lines[0]));
  const port = Number(lines[3]);
  if (!Number.isInteger(pid) || pid === 0 || !Number.isInteger(port)) return undefined;
  return { pid, port, status: lines[7]?.trim() ?? "" };
}

/** Whether a command line (as `commandLine` gives it) is that of a PostgreSQL server on this cluster. */
export function isServerOf(cluster: string, command: string): boolean {
  return command.startsWith("postgres ") && `${command} `.includes(` ${cluster} `);
}

/** Whether a PostgreSQL server answers on this port of the local machine. It asks for TLS, the cheapest question. */
export function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    const done = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(5_000, () => done(false));
    socket.once("error", () => done(false));
    socket.once("close", () => resolve(false));
    socket.once("data", (reply) => done(reply.length === 1 && (reply[0] === 0x4e || reply[0] === 0x53)));
    socket.once("connect", () => socket.write(Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])));
  });
}

/** A port that nobody listens on at this moment. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen({ host: "127.0.0.1", port: 0, exclusive: true }, () => {
      const address = probe.address();
      probe.close(() => {
        if (address !== null && typeof address === "object") resolve(address.port);
        else reject(new Error("no port"));
      });
    });
  });
}

/** Whether somebody holds this port, so that a server could not listen there. */
export function isPortTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(true));
    probe.listen({ host: "127.0.0.1", port, exclusive: true }, () => probe.close(() => resolve(false)));
  });
}
