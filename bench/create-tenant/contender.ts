/** Who takes part: the limit, an ordinary way, or Tenantry. */
export type ContenderKind = "limit" | "peer" | "tenantry";

/** One way to make tenants of the `erp` blueprint. */
export interface Contender {
  readonly name: string;
  readonly kind: ContenderKind;
  /** It reads everything that is in the catalog: among many tenants it gets fewer to make, or nobody would wait for it. */
  readonly growsWithCatalog: boolean;
  /**
   * Requests kept under way for each worker. A limit's client sends its next text at once; for a worker that takes its
   * work from a queue to be as busy, there has to be something on the queue.
   */
  readonly inFlightPerWorker: number;
  /** Gets ready to make tenants in this database. None of this is measured. */
  open(input: OpenInput): Promise<OpenContender>;
}

export interface OpenInput {
  /** URL of the database, as its owner. */
  readonly databaseUrl: string;
  /** Tenants that will be made at once. */
  readonly workers: number;
  /** Tenants that will be made at most. */
  readonly tenants: number;
}

export interface OpenContender {
  /** Makes one tenant, with its default data. Resolves when it is there for all to see. */
  createTenant(): Promise<Created>;
  close(): Promise<void>;
}

export interface Created {
  /** Until the request was accepted, where there is such a thing. */
  readonly acceptMs?: number;
}
