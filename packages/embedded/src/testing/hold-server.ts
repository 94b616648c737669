// Started by tests as a process of its own: uses the cluster in argv[2] until its standard input ends.
import { once } from "node:events";
import { startEmbeddedPostgres } from "../start-embedded-postgres.ts";

const [dataDir = "", ephemeral] = process.argv.slice(2);
const server = await startEmbeddedPostgres({ dataDir, ephemeral: ephemeral === "ephemeral" });
process.stdout.write(`${JSON.stringify({ port: server.port, superuserUrl: server.superuserUrl })}\n`);
process.stdin.resume();
await once(process.stdin, "end");
await server.stop();
