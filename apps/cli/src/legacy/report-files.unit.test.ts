import { expect, it } from "vitest";
import { reportFiles } from "./report-files.ts";

it.each([
  ["moved.json", "moved.json", "moved.html"],
  ["/srv/a.b/moved.JSON", "/srv/a.b/moved.JSON", "/srv/a.b/moved.html"],
  ["moved.html", "moved.json", "moved.html"],
  ["moved", "moved", "moved.html"],
  ["moved.txt", "moved.txt", "moved.txt.html"],
])("a report to %s goes to %s and %s", (path, json, page) => {
  expect(reportFiles(path)).toEqual({ json, page });
});
