import type { ConversionKind, LegacyFinding } from "@tenantry/schema";
import type { LegacyItem } from "../legacy-item.ts";

/** What a conversion did to a value, for people who know the old program and not this one. */
export const CONVERSION_WORDS: Readonly<Record<ConversionKind, string>> = {
  "empty-to-null": "empty text where a number, date or the like is due: no value",
  "null-to-default": "no value where there has to be one: the column's default",
  "noise-removed": "binary noise taken off a number (0.30000000000000004 is 0.3)",
  "text-to-number": "a number that was written as text",
  "number-to-text": "a text that was kept as a number",
  "date-only": "a date without a time of day: midnight",
  "whole-seconds": "a time without fractions of a second",
  "zone-applied": "a time without a zone: read in the source's zone, kept in UTC",
  "time-completed": "a time of day that was written short (9:00 is 09:00)",
  "value-renamed": "a value that has another name now",
  "pattern-unmatched": "no value found in a text; the text itself is kept whole",
  "json-string": "text that is no JSON document: kept as a JSON string",
};

/** What was found about a source as a whole. */
export const FINDING_WORDS: Readonly<Record<LegacyFinding["code"], string>> = {
  "file-without-license": "A file that no license claims",
  "duplicate-license": "A license that comes twice",
  "ambiguous-file": "A file that more than one license claims",
  "no-license": "No license",
  unreadable: "It can't be read",
  "entry-refused": "An entry that can't be used",
  "value-replaced": "A value that was replaced",
};

/** What became of a license, as the end of a sentence about it. */
export function becameWords({ state, outcome, foresight }: LegacyItem): string {
  switch (state) {
    case "planned":
      return FORESIGHT_WORDS[foresight];
    case "succeeded":
      return outcome === null ? "done" : OUTCOME_WORDS[outcome];
    case "failed":
      return "failed: not moved";
    case "canceled":
      return "canceled: not moved";
    case "running":
      return "being moved";
    case "queued":
      return "waits to be moved";
  }
}

const FORESIGHT_WORDS: Readonly<Record<LegacyItem["foresight"], string>> = {
  import: "would move with its data",
  create: "would get a fresh tenant",
  skip: "is there already, would be left as it is",
  refuse: "could not be moved",
};

const OUTCOME_WORDS: Readonly<Record<NonNullable<LegacyItem["outcome"]>, string>> = {
  imported: "moved with its data",
  created: "got a fresh tenant: the source has no data of it",
  skipped: "was there already, and is left as it was",
};
