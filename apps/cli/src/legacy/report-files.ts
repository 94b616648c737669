import { constants } from "node:fs";
import { access, stat, writeFile } from "node:fs/promises";
import { dirname, extname, resolve } from "node:path";
import { legacyReport, renderLegacyReport, type TenancyContext } from "@tenantry/tenancy";
import { WrongUse } from "../arguments/wrong-use.ts";
import type { Terminal } from "../output/terminal.ts";

/** A report quotes customers' rows: it is for the eyes of whoever asked for it. */
const MODE = 0o600;

/** Where a report's two forms go: `moved.json` and `moved.html`, whichever of the two was named. */
export function reportFiles(path: string): { readonly json: string; readonly page: string } {
  const extension = extname(path);
  const stem = path.slice(0, path.length - extension.length);
  switch (extension.toLowerCase()) {
    case ".json":
      return { json: path, page: `${stem}.html` };
    case ".html":
      return { json: `${stem}.json`, page: path };
    default:
      return { json: path, page: `${path}.html` };
  }
}

/**
 * Asked before the work, whose end is no time to find out.
 *
 * @throws WrongUse when no report can be written there.
 */
export async function assertReportPath(path: string): Promise<void> {
  const folder = dirname(resolve(path));
  try {
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new WrongUse(
      `The report can't be written into ${folder} (${Reflect.get(Object(error), "code")}).`,
      "Make the folder, or name another.",
    );
  }
  const there = await stat(path).catch(() => null);
  if (there?.isDirectory()) throw new WrongUse(`${path} is a folder.`, "Name a file for the report.");
}

/** Writes a run's report as JSON and as a page. */
export async function writeReport(
  terminal: Terminal,
  ctx: TenancyContext,
  runId: string,
  path: string,
): Promise<void> {
  const report = await legacyReport(ctx, runId);
  const { json, page } = reportFiles(path);
  await writeFile(json, `${JSON.stringify(report, null, 2)}\n`, { mode: MODE });
  await writeFile(page, renderLegacyReport(report), { mode: MODE });
  terminal.note(`Report: ${json} and ${page}`);
}
