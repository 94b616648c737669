import type { Page } from "@tenantry/tenancy";
import type { CommandContext } from "../command.ts";
import { type Column, formatTable } from "./table.ts";

/** Prints one page of a list, and how to get the next. */
export function printPage<T>(
  { terminal, json }: CommandContext,
  columns: readonly Column<T>[],
  page: Page<T>,
  whenEmpty: string,
): void {
  if (json) {
    terminal.json(page);
  } else if (page.items.length === 0) {
    terminal.note(whenEmpty);
  } else {
    terminal.data(formatTable(columns, page.items));
    if (page.nextCursor !== null) terminal.note(`There are more: --cursor ${page.nextCursor}`);
  }
}
