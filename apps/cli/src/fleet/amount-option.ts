import { type Amount, parseAmount } from "@tenantry/tenancy";
import { WrongUse } from "../arguments/wrong-use.ts";

/**
 * A number of tenants or a share of them, as an option has it.
 *
 * @throws WrongUse
 */
export function amountOption(name: string, value: string | undefined): Amount | undefined {
  if (value === undefined) return undefined;
  const amount = parseAmount(value);
  if (amount === null) {
    throw new WrongUse(`--${name} must be a number, or a share such as 5%.`, `Give it as in --${name} 10.`);
  }
  return amount;
}
