export interface Plan {
  /** Of the tenant that is backed up among others. */
  readonly rows: number;
  /** Other tenants that are there meanwhile, growing. */
  readonly others: readonly number[];
  readonly rounds: number;
  readonly largeRows: number;
  readonly largeRounds: number;
  /** Of the tenants that memory is compared for. */
  readonly memoryRows: readonly number[];
}

export const FULL: Plan = {
  rows: 20_000,
  others: [10, 1_000, 5_000],
  rounds: 5,
  largeRows: 5_000_000,
  largeRounds: 3,
  memoryRows: [100_000, 1_000_000, 3_000_000],
};

export const QUICK: Plan = {
  rows: 20_000,
  others: [10, 60],
  rounds: 2,
  largeRows: 200_000,
  largeRounds: 1,
  memoryRows: [20_000, 50_000, 200_000],
};
