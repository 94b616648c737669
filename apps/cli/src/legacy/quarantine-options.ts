import type { QuarantineFilter } from "@tenantry/tenancy";

/** Which rows of a run's quarantine a command is about. */
export const QUARANTINE_OPTIONS = {
  license: { type: "string", value: "KEY", help: "Only of this license: its key, or its name in the source" },
  table: { type: "string", value: "NAME", help: "Only of this table of the source" },
} as const;

/** Reads `--license` and `--table`. */
export function readQuarantineFilter(values: {
  readonly license?: string | undefined;
  readonly table?: string | undefined;
}): Pick<QuarantineFilter, "licenseKey" | "table"> {
  return {
    ...(values.license === undefined ? {} : { licenseKey: values.license }),
    ...(values.table === undefined ? {} : { table: values.table }),
  };
}
