import type { AddressInfo } from "node:net";

/** What a server that listens on every address is called from the same machine. */
const LOCAL: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "[::1]" };

/** The URL of a server that listens, with the port it really got. */
export function baseUrl(host: string, address: AddressInfo | string | null): string {
  if (address === null || typeof address === "string") throw new Error("the API listens on no port");
  const name = LOCAL[host] ?? (host.includes(":") ? `[${host}]` : host);
  return `http://${name}:${address.port}`;
}
