import { clockText, parseClock, SECOND_DECIMALS } from "./clock-text.ts";
import { type Converter, changed, EMPTY, type Reading, refused, wrongKind } from "./value.ts";

export const NO_SUCH_TIME = refused(
  "out-of-range",
  "The day has no such time: hours go to 23, minutes and seconds to 59.",
);
export const TOO_FINE = refused(
  "not-exact",
  "The time is finer than the microseconds that the column keeps.",
);

/** `time`: `HH:MM`, with seconds and their fraction or without; a leading zero may be missing. */
export const timeConverter: Converter = (value): Reading => {
  if (typeof value !== "string") return wrongKind(value, "a time");
  const text = value.trim();
  if (text === "") return EMPTY;
  const clock = parseClock(text);
  if (clock === null) return wrongKind(value, "a time");
  if (clock === "no-such-time") return NO_SUCH_TIME;
  if (clock.fraction.length > SECOND_DECIMALS) return TOO_FINE;
  const time = clockText(clock.seconds) + (clock.fraction === "" ? "" : `.${clock.fraction}`);
  return clock.completed ? changed(time, "time-completed") : time;
};
