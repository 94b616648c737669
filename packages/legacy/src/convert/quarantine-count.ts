/** More than that, and the plan doesn't fit the file: nobody corrects so many rows by hand. */
export const MOST_QUARANTINED = 200_000;

/** The plan leaves too little of the file: it is wrong, rather than the rows. */
export class TooManyQuarantinedError extends Error {
  override readonly name = "TooManyQuarantinedError";

  constructor(table: string) {
    super(
      `more than ${MOST_QUARANTINED} rows can't be imported as they are, the last of them in table ${JSON.stringify(table)}: ` +
        "the mapping doesn't fit this file. Look at the first quarantined rows' reasons, and correct the mapping.",
    );
  }
}

/** Counts what goes to quarantine, over all tables of a license. */
export class QuarantineCount {
  #rows = 0;

  /** @throws TooManyQuarantinedError */
  add(table: string): void {
    if (++this.#rows > MOST_QUARANTINED) throw new TooManyQuarantinedError(table);
  }
}
