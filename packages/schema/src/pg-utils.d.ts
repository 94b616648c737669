// The driver ships this module but @types/pg doesn't describe it.
declare module "pg/lib/utils.js" {
  export function prepareValue(value: unknown): string | number | Buffer | null | undefined;
}
