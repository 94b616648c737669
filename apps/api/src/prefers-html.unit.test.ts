import { expect, it } from "vitest";
import { prefersHtml } from "./prefers-html.ts";

it.each([
  [undefined, false],
  ["", false],
  ["*/*", false],
  ["application/json", false],
  ["application/json, text/html", false],
  ["text/html", true],
  ["TEXT/HTML;q=1", true],
  ["text/*", true],
  ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true],
  ["text/html;q=0.4, application/json;q=0.5", false],
  ["text/html;q=0, */*", false],
  ["text/html;q=nonsense, */*", false],
])("Accept: %s, page: %s", (accept, page) => {
  expect(prefersHtml(accept)).toBe(page);
});
