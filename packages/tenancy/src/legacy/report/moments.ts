import type { LegacyItem } from "../legacy-item.ts";
import { html, type Markup } from "./html.ts";

/** A time for people, in UTC. */
export function time(iso: string): Markup {
  return html`<time datetime="${iso}">${iso.slice(0, 19).replace("T", " ")} UTC</time>`;
}

/** How long something took: `2 h 5 min`, `1 min 20 s`, `0.8 s`. */
export function duration(from: string, to: string): string {
  const seconds = Math.max(0, (Date.parse(to) - Date.parse(from)) / 1_000);
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** How a license's row is coloured. */
export function ending({ state, quarantined, foresight }: LegacyItem): "bad" | "some" | "good" {
  if (state === "failed" || state === "canceled" || foresight === "refuse") return "bad";
  return quarantined > 0 ? "some" : "good";
}
