import type { Contender } from "./contender.ts";
import { best, type Summary } from "./summary.ts";

/** One comparison, of the two at their best. */
export interface Ratio {
  readonly of: string;
  readonly to: string;
  /** Tenants that were there before. */
  readonly existing: number;
  readonly value: number;
  readonly target: number;
  readonly met: boolean;
}

const OF_LIMIT = 0.8;
const OF_PEER_ON_EMPTY_SERVER = 1.8;
const OF_PEER_AMONG_MANY = 15;

/** How Tenantry compares with its limit and its peers, each at the number of workers that suits it best. */
export function ratios(
  contenders: readonly Contender[],
  summaries: readonly Summary[],
  existing: number,
): Ratio[] {
  const others = contenders.filter(({ kind }) => kind !== "tenantry");
  return contenders
    .filter(({ kind }) => kind === "tenantry")
    .flatMap((ours) =>
      others.map((other) => {
        const value =
          best(summaries, ours.name).tenantsPerSecond / best(summaries, other.name).tenantsPerSecond;
        const target = targetAgainst(other, existing);
        return { of: ours.name, to: other.name, existing, value, target, met: value >= target };
      }),
    );
}

function targetAgainst(other: Contender, existing: number): number {
  if (other.kind === "limit") return OF_LIMIT;
  return existing === 0 ? OF_PEER_ON_EMPTY_SERVER : OF_PEER_AMONG_MANY;
}
