import type { ControlDatabase } from "@tenantry/schema";
import { sql } from "kysely";
import { TenancyError } from "../errors.ts";

/**
 * Where so many new tenants go: each to the placement that has the fewest then, of those that don't drain; of equals to the
 * first by name. Where there is but one to choose, nothing is counted.
 *
 * @throws TenancyError STATE_CONFLICT when all drain.
 */
export async function choosePlacements(control: ControlDatabase, count: number): Promise<string[]> {
  const { rows } = await sql<{ name: string; tenants: number }>`
    with open as (select name from tenantry.placements where not draining)
    select name, case when (select count(*) from open) < 2 then 0
      else (select count(*) from tenantry.tenants where placement = open.name and state <> 'deleted') end::integer as tenants
    from open order by name`.execute(control);
  const [first] = rows;
  if (first === undefined) {
    throw new TenancyError("STATE_CONFLICT", "Every placement drains: there is no server for a new tenant.", {
      hint: "Add a server (`tenantry placement add`), or let one take tenants again (`tenantry placement drain NAME --undo`).",
    });
  }
  const load = rows.map((row) => ({ ...row }));
  return Array.from({ length: count }, () => {
    const emptiest = load.reduce((best, each) => (each.tenants < best.tenants ? each : best));
    emptiest.tenants += 1;
    return emptiest.name;
  });
}
