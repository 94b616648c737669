import { type Claim, claimStanding, type Standing } from "../claim.ts";
import type { TenancyContext } from "../context.ts";

/** How often a worker that is busy for long looks whether it is still wanted. Milliseconds. */
const LOOK_EVERY_MS = 1_000;

/** How work ends that isn't wanted any more. */
export type Stopped = { readonly kind: "canceled" } | { readonly kind: "superseded" };

/** Looks after a claim while long work goes on, and gives the signal to stop it. To be closed. */
export class ClaimWatch {
  readonly #ctx: TenancyContext;
  readonly #claim: Claim;
  readonly #stopped = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #standing: Standing = "valid";

  constructor(ctx: TenancyContext, claim: Claim) {
    this.#ctx = ctx;
    this.#claim = claim;
    this.#timer = setInterval(() => {
      this.look().catch((error: unknown) =>
        ctx.log.warn({ err: error, operationId: claim.operationId }, "claim not looked at"),
      );
    }, LOOK_EVERY_MS);
  }

  /** Aborts when the work isn't wanted any more. */
  get signal(): AbortSignal {
    return this.#stopped.signal;
  }

  /** Null as long as the work is wanted; otherwise how it ends. */
  get ended(): Stopped | null {
    if (this.#standing === "valid") return null;
    return { kind: this.#standing === "cancel-requested" ? "canceled" : "superseded" };
  }

  /** Looks now. True as long as the work is wanted. */
  async look(): Promise<boolean> {
    const standing = await claimStanding(this.#ctx, this.#claim);
    if (standing === "valid") return this.ended === null;
    this.#standing = standing;
    this.#stopped.abort();
    return false;
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
