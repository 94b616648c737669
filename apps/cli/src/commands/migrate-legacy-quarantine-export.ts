import { open } from "node:fs/promises";
import { listQuarantine, type QuarantineEntry } from "@tenantry/tenancy";
import { WrongUse } from "../arguments/wrong-use.ts";
import { defineCommand } from "../command.ts";
import { eachOf } from "../each-of.ts";
import { EXIT } from "../exit-code.ts";
import { QUARANTINE_OPTIONS, readQuarantineFilter } from "../legacy/quarantine-options.ts";
import { count } from "../output/license-text.ts";
import { withInstallation } from "../with-installation.ts";

export const migrateLegacyQuarantineExportCommand = defineCommand({
  description: "Writes the rows that wait in quarantine as JSON Lines, to be corrected and given to `retry`.",
  positionals: [{ name: "RUN", required: true }],
  options: {
    ...QUARANTINE_OPTIONS,
    out: { type: "string", value: "FILE", help: "Write to a new file, for your eyes only; else to stdout" },
  },
  details: [
    "Each line has the row's id in quarantine, where it is from, what is wrong with it, and `row`: its columns and values.",
    "Correct the values in `row`, leave `id` as it is, remove lines that you don't want to import.",
    'Text is a JSON string. Numbers beyond 2^53 are {"integer":"…"}, blobs {"bytes":"base64"}, broken text {"text":"base64"}.',
  ],
  examples: [
    "tenantry migrate-legacy quarantine export 0198f3c2-7d1e-7c4a-9d55-3f1b0c8e2a44 --out rows.jsonl",
  ],
  run: async (context, values, [id = ""]) => {
    const filter = { ...readQuarantineFilter(values), state: "open" } as const;
    return withInstallation(context, { worker: false }, async ({ ctx }) => {
      const { terminal } = context;
      const rows = eachOf((page) => listQuarantine(ctx, id, filter, page));
      let written = 0;
      if (values.out === undefined) {
        for await (const row of rows) {
          terminal.line(line(row));
          // A reader that is slower than PostgreSQL must not have it all waiting in memory.
          if (++written % 200 === 0) await terminal.flushed();
        }
      } else {
        written = await writeNew(values.out, rows);
      }
      terminal.note(`${count(written, "row", "rows")}.`);
      return EXIT.done;
    });
  },
});

function line({ id, licenseKey, license, table, rowId, column, code, reason, row }: QuarantineEntry): string {
  return JSON.stringify({ id, licenseKey, license, table, rowId, column, code, reason, row });
}

/**
 * Writes to a file that isn't there yet: one that is may hold somebody's corrections.
 *
 * @throws WrongUse when it can't be made.
 */
async function writeNew(path: string, rows: AsyncIterable<QuarantineEntry>): Promise<number> {
  const file = await open(path, "wx", 0o600).catch((error: unknown) => {
    const code = String(Reflect.get(Object(error), "code"));
    throw new WrongUse(
      code === "EEXIST" ? `${path} is there already.` : `${path} can't be written (${code}).`,
      "Give the path of a new file.",
    );
  });
  try {
    let written = 0;
    for await (const row of rows) {
      await file.write(`${line(row)}\n`);
      written++;
    }
    return written;
  } finally {
    await file.close();
  }
}
