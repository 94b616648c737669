import { PACES, type Pace } from "@tenantry/tenancy";
import { WrongUse } from "./arguments/wrong-use.ts";

/** Of every command that does bulk work. */
export const PACE_OPTION = {
  type: "string",
  value: "PACE",
  help: "`yield` (default) gives way to tenants who are at work; `full` goes as fast as the workers can",
} as const;

/** @throws WrongUse for any other word */
export function readPace(value: string | undefined): Pace {
  const pace = PACES.find((name) => name === (value ?? "yield"));
  if (pace === undefined) throw new WrongUse(`There is no pace ${value}.`, `Give one of ${PACES.join(", ")}`);
  return pace;
}
