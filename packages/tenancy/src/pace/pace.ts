import Type from "typebox";

/**
 * How fast bulk work goes: `yield` gives way to the people who are at work in their tenants, `full` goes as fast as the
 * workers can.
 */
export const PACES = ["yield", "full"] as const;
export type Pace = (typeof PACES)[number];

/** The field of a request that chooses one. */
export const PaceChoice = Type.Enum([...PACES], {
  default: "yield",
  description: "`yield` gives way to tenants who are at work; `full` goes as fast as the workers can",
});

/** The pace that an operation's input asks for; what doesn't say gives way. */
export function paceOf(input: object): Pace {
  return (input as { pace?: unknown }).pace === "full" ? "full" : "yield";
}
