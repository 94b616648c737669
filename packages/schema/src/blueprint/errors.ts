/** A blueprint that can't be used as it is written: the mistake is its author's, not a caller's. */
export class BlueprintError extends Error {
  readonly code = "BLUEPRINT_INVALID";
  override readonly name = "BlueprintError";
}
