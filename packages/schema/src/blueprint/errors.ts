/** A blueprint that can't be used as it is written: the mistake is its author's, not a caller's. */
export class BlueprintError extends Error {
  readonly code: string = "BLUEPRINT_INVALID";
  readonly hint: string = "Correct the blueprint; docs/blueprints.md says what one may do.";
  override readonly name: string = "BlueprintError";
}
