/** How much is measured. */
export interface Plan {
  /** Tenants at once, on an empty server. */
  readonly workers: readonly number[];
  readonly rounds: number;
  /** Tenants in one stretch of measuring. */
  readonly tenants: number;
  /** Tenants that are there before, in the second part; 0 leaves it out. */
  readonly existing: number;
  readonly existingRounds: number;
  /** Tenants in a stretch among the existing ones, for those who read the whole catalog for each. */
  readonly slowTenants: number;
  /** Tenants made one after the other to see where the time goes. */
  readonly partsTenants: number;
}

export const FULL: Plan = {
  workers: [1, 2, 4, 8],
  rounds: 3,
  tenants: 24,
  existing: 1_000,
  existingRounds: 2,
  slowTenants: 4,
  partsTenants: 20,
};

/** Shows in a minute that everything runs. Its figures mean little. */
export const QUICK: Plan = {
  workers: [1, 4],
  rounds: 1,
  tenants: 8,
  existing: 30,
  existingRounds: 1,
  slowTenants: 4,
  partsTenants: 5,
};
