import { expect, it } from "vitest";
import { PoolBusyError, Turns } from "./turns.ts";

it("lets in so many at once, and the others in the order in which they came", async () => {
  const turns = new Turns(2, 10_000);
  const begun: number[] = [];
  const all = [0, 1, 2, 3, 4].map((index) => turns.take().then(() => begun.push(index)));
  await Promise.resolve();
  expect(begun).toEqual([0, 1]);
  for (let index = 0; index < 3; index++) turns.giveBack();
  await Promise.all(all);
  expect(begun).toEqual([0, 1, 2, 3, 4]);
});

it("refuses whoever waited too long, and doesn't count him afterwards", async () => {
  const turns = new Turns(1, 20);
  await turns.take();
  await expect(turns.take()).rejects.toBeInstanceOf(PoolBusyError);
  turns.giveBack();
  await turns.take();
  await expect(turns.take()).rejects.toBeInstanceOf(PoolBusyError);
});
