import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** A TCP proxy that stands in for a network: while it is cut, nothing gets through and nothing is answered. */
export interface Proxy {
  /** The target's URL with the proxy's address in it. */
  readonly url: string;
  /** Breaks every connection and refuses new ones. */
  cut(): Promise<void>;
  restore(): Promise<void>;
  close(): Promise<void>;
}

export async function startProxy(targetUrl: string): Promise<Proxy> {
  const target = new URL(targetUrl);
  const sockets = new Set<Socket>();
  const track = (socket: Socket, other: Socket): void => {
    sockets.add(socket);
    socket.on("error", () => other.destroy());
    socket.on("close", () => {
      sockets.delete(socket);
      other.destroy();
    });
  };
  const listen = async (port: number): Promise<Server> => {
    const server = createServer((client) => {
      const upstream = connect(Number(target.port), target.hostname);
      track(client, upstream);
      track(upstream, client);
      client.pipe(upstream).pipe(client);
    }).listen(port, "127.0.0.1");
    await once(server, "listening");
    return server;
  };
  const shut = async (server: Server): Promise<void> => {
    const closed = once(server, "close");
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  let server: Server | null = await listen(0);
  const { port } = server.address() as AddressInfo;
  const url = new URL(targetUrl);
  url.hostname = "127.0.0.1";
  url.port = String(port);
  const cut = async (): Promise<void> => {
    const open = server;
    server = null;
    if (open !== null) await shut(open);
  };
  return {
    url: url.href,
    cut,
    restore: async () => {
      server ??= await listen(port);
    },
    close: cut,
  };
}
