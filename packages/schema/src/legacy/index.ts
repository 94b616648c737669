/** What the reader of legacy files needs of this package: neither the driver nor anything else is loaded with it. */
export * from "./import-plan.ts";
export type * from "./legacy-system.ts";
export * from "./source-description.ts";
export type * from "./target-description.ts";
