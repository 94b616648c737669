import { setTimeout as wait } from "node:timers/promises";
import { expect, it } from "vitest";
import { createTestDatabase } from "../../../test/support/database.ts";
import { startProxy } from "../../../test/support/proxy.ts";
import { Listener } from "./listener.ts";

const database = await createTestDatabase();

function listenerAt(connectionString: string): Listener {
  return new Listener({
    connectionString,
    applicationName: "tenantry-test-listener",
    channel: "tenantry_test",
    onNotify: () => undefined,
  });
}

it("a listener closes at once, at whatever moment of its connecting it is told to", async () => {
  for (let turn = 0; turn < 30; turn++) {
    const listener = listenerAt(database.url);
    const starting = listener.start();
    await wait(turn);
    await expect(Promise.race([listener.close(), wait(5_000, "still open")])).resolves.toBeUndefined();
    await starting;
  }
});

it("a listener that lost its server closes at once while it looks for it again", async () => {
  const network = await startProxy(database.url);
  for (let turn = 0; turn < 5; turn++) {
    const listener = listenerAt(network.url);
    await listener.start();
    await network.cut();
    await network.restore();
    await wait(490 + 10 * turn);
    await expect(Promise.race([listener.close(), wait(5_000, "still open")])).resolves.toBeUndefined();
  }
  await network.close();
});
