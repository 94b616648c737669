import type { ControlDatabase } from "@tenantry/schema";
import {
  ADDRESS_AGE_MS,
  DEFAULT_PLACEMENT,
  type Placement,
  type Placements,
  placementUrl,
} from "@tenantry/tenancy";
import type { OpenPlacement } from "./open-placement.ts";

interface Opened {
  readonly placement: OpenPlacement;
  /** Null for the one that was given to us. */
  readonly url: string | null;
}

/** One process's connections to all servers that tenants live on, each opened when somebody first asks for it. */
export class PlacementPools implements Placements {
  readonly main: Placement;
  readonly #control: ControlDatabase;
  readonly #open: (name: string, url: string) => OpenPlacement;
  readonly #opened = new Map<string, { readonly opening: Promise<Opened>; looked: number }>();
  /** Work that began before an address changed goes on with it; idle connections end by themselves. */
  readonly #former: OpenPlacement[] = [];

  constructor(control: ControlDatabase, mainUrl: string, open: (name: string, url: string) => OpenPlacement) {
    this.#control = control;
    this.#open = open;
    const main = open(DEFAULT_PLACEMENT, mainUrl);
    this.main = main;
    const opening = Promise.resolve({ placement: main, url: null });
    this.#opened.set(DEFAULT_PLACEMENT, { opening, looked: Number.POSITIVE_INFINITY });
  }

  async of(name: string): Promise<Placement> {
    const known = this.#opened.get(name);
    if (known === undefined) return (await this.#keep(name, this.#connect(name))).placement;
    if (performance.now() - known.looked < ADDRESS_AGE_MS) return (await known.opening).placement;
    known.looked = performance.now();
    return (await this.#keep(name, this.#reconnect(name, known.opening))).placement;
  }

  async end(): Promise<void> {
    const opened = await Promise.allSettled([...this.#opened.values()].map(({ opening }) => opening));
    const open = opened.flatMap((one) => (one.status === "fulfilled" ? [one.value.placement] : []));
    await Promise.all([...open, ...this.#former].map((placement) => placement.end()));
  }

  #keep(name: string, opening: Promise<Opened>): Promise<Opened> {
    const entry = { opening, looked: performance.now() };
    this.#opened.set(name, entry);
    // One that isn't there yet may be there when it is asked for again.
    opening.catch(() => {
      if (this.#opened.get(name) === entry) this.#opened.delete(name);
    });
    return opening;
  }

  async #connect(name: string): Promise<Opened> {
    const url = await placementUrl(this.#control, name);
    return { placement: this.#open(name, url), url };
  }

  async #reconnect(name: string, opening: Promise<Opened>): Promise<Opened> {
    const known = await opening;
    // Who can't be asked has said nothing else.
    const url = await placementUrl(this.#control, name).catch(() => known.url);
    if (url === null || url === known.url) return known;
    this.#former.push(known.placement);
    return { placement: this.#open(name, url), url };
  }
}
