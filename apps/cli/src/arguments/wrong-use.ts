/** The command line itself is wrong: nothing was begun. */
export class WrongUse extends Error {
  override readonly name = "WrongUse";
  readonly code = "WRONG_USE";
  readonly hint: string;
  /** One line for each thing that is wrong, when there may be several. */
  readonly faults: readonly string[];

  constructor(message: string, hint: string, faults: readonly string[] = []) {
    super(message);
    this.hint = hint;
    this.faults = faults;
  }
}
