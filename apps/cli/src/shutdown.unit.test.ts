import { EventEmitter } from "node:events";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Interrupted, Shutdown, type SignalSource } from "./shutdown.ts";

function start() {
  const process = new EventEmitter();
  const exits: number[] = [];
  const notes: string[] = [];
  const exit = (code: number): void => void exits.push(code);
  const shutdown = new Shutdown(Object.assign(process, { exit }) as unknown as SignalSource, (note) =>
    notes.push(note),
  );
  return { shutdown, exits, notes, signal: (name: string) => process.emit(name, name) };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("asks for an orderly end at the first signal", async () => {
  const { shutdown, signal, exits } = start();
  const asked = shutdown.asked();
  signal("SIGTERM");
  await asked;
  expect(() => shutdown.throwIfAsked()).toThrow(Interrupted);
  expect(exits).toEqual([]);
});

it("takes a signal that was passed on for the one that came first", () => {
  const { signal, exits, notes } = start();
  signal("SIGINT");
  vi.advanceTimersByTime(100);
  signal("SIGINT");
  expect(exits).toEqual([]);
  expect(notes).toHaveLength(1);
});

it("ends at once at the second, once nothing stays behind; at the third in any case", async () => {
  const { shutdown, signal, exits } = start();
  const stopped = Promise.withResolvers<void>();
  const stop = vi.fn(() => stopped.promise);
  const taken = vi.fn();
  shutdown.stopEvenInAHurry(stop);
  shutdown.stopEvenInAHurry(taken)();
  signal("SIGINT");
  vi.advanceTimersByTime(1_000);
  signal("SIGINT");
  expect(stop).toHaveBeenCalledOnce();
  expect(taken).not.toHaveBeenCalled();
  expect(exits).toEqual([]);
  signal("SIGINT");
  expect(exits).toEqual([1]);
  stopped.resolve();
  await vi.waitFor(() => expect(exits).toEqual([1, 1]));
});
