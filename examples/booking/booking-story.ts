import type { Example } from "../installation.ts";
import type { Booking } from "./repositories/bookings.ts";
import { TIME_ZONE } from "./tables.ts";

const ANNA = { userId: "9110016081", username: "anna_example" };
const PYOTR = { userId: "9876497520", username: "pyotr_example" };

/** What two of the clients' customers do over HTTP, and what comes of it. Leaves nothing behind. */
export async function tellBookings(
  example: Example,
  url: string,
  [first, second]: [string, string],
): Promise<void> {
  const { say } = example;
  const call = async (
    method: string,
    path: string,
    body?: object,
  ): Promise<{ status: number; body: unknown }> => {
    const response = await fetch(url + path, {
      method,
      signal: example.signal,
      ...(body && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    return { status: response.status, body: await response.json() };
  };
  const tell = async (what: string, method: string, path: string, body?: object): Promise<unknown> => {
    const answer = await call(method, path, body);
    say(
      `   ${method.padEnd(6)} ${path.replace(/\?.*/, "").padEnd(32)} ${answer.status}  ${what}${shortly(answer.body)}`,
    );
    return answer.body;
  };
  /** What an earlier telling may have left. */
  const tidy = async (verb: typeof tell | null): Promise<void> => {
    for (const client of [first, second]) {
      for (const { userId, username } of [ANNA, PYOTR]) {
        const { body } = await call("GET", `/clients/${client}/bookings?user=${userId}`);
        for (const { id } of body as Booking[]) {
          const path = `/clients/${client}/bookings/${id}?user=${userId}`;
          if (verb === null) await call("DELETE", path);
          else await verb(`${username} cancels `, "DELETE", path);
        }
      }
    }
  };
  await tidy(null);

  const date = inDays(3);
  const free = (await tell(`free on ${date}: `, "GET", `/clients/${first}/slots?date=${date}`)) as string[];
  const [time = "10:00", later = "11:00"] = free;
  const visit = { serviceId: 1, date, time };
  const booked = await tell("anna takes ", "POST", `/clients/${first}/bookings`, { ...ANNA, ...visit });
  const half = { ...visit, time: time.replace(":00", ":30") };
  await tell(`pyotr wants ${half.time}: `, "POST", `/clients/${first}/bookings`, { ...PYOTR, ...half });
  await tell("pyotr takes ", "POST", `/clients/${second}/bookings`, { ...PYOTR, ...visit });
  await tell(`free on ${date}: `, "GET", `/clients/${first}/slots?date=${date}`);
  const { id, version } = booked as Booking;
  const move = { userId: ANNA.userId, version, date, time: later };
  await tell("anna moves to ", "PATCH", `/clients/${first}/bookings/${id}`, move);
  await tell("with what she saw before: ", "PATCH", `/clients/${first}/bookings/${id}`, move);
  await tell("pyotr has here: ", "GET", `/clients/${first}/bookings?user=${PYOTR.userId}`);

  say("\n3. What each owner sees; then all is cancelled, so that the story can be told again\n");
  for (const client of [first, second]) {
    const { body } = await call("GET", `/clients/${client}/statistics?from=${inDays(0)}`);
    const { best, load } = body as Statistics;
    const clients = best.map(({ rank, username, bookings }) => `${rank}. ${username} (${bookings})`);
    const days = load.map((each) => `${each.date}: ${each.bookings} booked, ${each.minutes} minutes`);
    say(`   ${client}  best clients: ${clients.join(", ")}; load: ${days.join(", ")}`);
  }
  await tidy(tell);
}

interface Statistics {
  readonly best: readonly { rank: number; username: string; bookings: number }[];
  readonly load: readonly { date: string; bookings: number; minutes: number }[];
}

function shortly(body: unknown): string {
  if (Array.isArray(body)) return body.length === 0 ? "nothing" : body.join(" ");
  const { error, time } = body as { error?: string; time?: string };
  return error ?? time ?? "";
}

/** A day from today, by the clients' calendar. */
function inDays(days: number): string {
  const then = new Date(Date.now() + days * 86_400_000);
  return new Intl.DateTimeFormat("sv-SE", { timeZone: TIME_ZONE }).format(then);
}
