import { Listener } from "@tenantry/schema";
import type { TenancyContext } from "./context.ts";
import { FreshReadings } from "./fresh-readings.ts";
import { normalizeLicenseKey } from "./license-key.ts";
import { licenseStatus } from "./license-status.ts";
import { hashToken } from "./secret-token.ts";
import { readByKey, readBySession, readUser, type SessionStanding, type Standing } from "./standing.ts";
import type { TenantUser } from "./tenant-user.ts";

export interface SignedInStanding extends SessionStanding {
  /** Null: switched off or gone; not looked for while license or tenant is out of use. */
  readonly user: TenantUser | null;
}

/**
 * How licenses and sessions stand, never older than a second. PostgreSQL's NOTIFY drops what has changed at once. A
 * notification is only a hint, which anybody may send: it makes us read again, and nothing else. While nobody listens,
 * everything is read each time.
 */
export class LicenseWatch {
  readonly #ctx: TenancyContext;
  readonly #listener: Listener;
  readonly #readings = new FreshReadings(() => this.#listener.connected);
  #started: Promise<void> | undefined;

  constructor(ctx: TenancyContext, connection: { connectionString: string; applicationName: string }) {
    this.#ctx = ctx;
    this.#listener = new Listener({
      ...connection,
      channel: "tenantry_license",
      onNotify: (licenseId) => this.#readings.forget(licenseId),
      onStateChange: (connected, error) => {
        // What was said while nobody listened is lost.
        this.#readings.forgetAll();
        ctx.log.info({ connected, err: error }, "listening for licenses");
      },
    });
  }

  /** Starts listening, unless that was done before. */
  start(): Promise<void> {
    this.#started ??= this.#listener.start();
    return this.#started;
  }

  async close(): Promise<void> {
    if (this.#started === undefined) return;
    await this.#started;
    await this.#listener.close();
  }

  /**
   * How the license with this key stands; null when there is none.
   *
   * @throws TenancyError UNAVAILABLE when PostgreSQL is too slow to tell; the driver's error when it is away.
   */
  byKey(key: string): Promise<Standing | null> {
    const normalized = normalizeLicenseKey(key);
    return this.#readings.get(`key ${normalized}`, () => readByKey(this.#ctx, normalized));
  }

  /**
   * How the session with this token stands, with its user and license; null when there is no such session, or no more.
   *
   * @throws TenancyError UNAVAILABLE when PostgreSQL is too slow to tell; the driver's error when it is away.
   */
  async bySession(token: string): Promise<SignedInStanding | null> {
    // The token itself isn't kept: what lies in memory may end in a dump.
    const hash = hashToken(token);
    const name = hash.toString("base64");
    const look = () => this.#readings.get(`session ${name}`, () => readBySession(this.#ctx, hash));
    const before = await look();
    if (before === null || before.sessionEndsAt <= new Date()) return null;
    if (licenseStatus(before.license, new Date()) !== "active" || before.tenant.state !== "ready") {
      return { ...before, user: null };
    }
    const user = await this.#readings.get(`user ${name}`, () => readUser(this.#ctx, before));
    // The user's row may have been waited for; what was known of the license must not be older for that.
    const after = await look();
    return after === null ? null : { ...after, user };
  }
}
