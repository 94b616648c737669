import type { Operation } from "@tenantry/tenancy";
import { describe, type Problem } from "./problem.ts";

/** An operation as HTTP shows it: its error is a problem like every other. */
export type OperationAnswer = Omit<Operation, "error"> & { readonly error?: Problem };

export function toOperationAnswer(operation: Operation): OperationAnswer {
  const { error, ...rest } = operation;
  return error === undefined ? rest : { ...rest, error: describe(error, operationPath(operation.id)) };
}

export function operationPath(id: string): string {
  return `/v1/operations/${id}`;
}
