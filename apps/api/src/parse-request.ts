import { type Fault, TenancyError, validationError } from "@tenantry/tenancy";

/**
 * Reads a body by `parse`, which refuses it with all its faults.
 *
 * @throws TenancyError VALIDATION_FAILED with the faults of the headers and those of the body together.
 */
export function parseRequest<T>(headerFaults: readonly Fault[], parse: () => T): T {
  let input: T;
  try {
    input = parse();
  } catch (error) {
    if (!(error instanceof TenancyError) || error.code !== "VALIDATION_FAILED") throw error;
    throw validationError([...headerFaults, ...error.faults]);
  }
  if (headerFaults.length > 0) throw validationError(headerFaults);
  return input;
}
