import { type PlacementEntry, printable } from "@tenantry/tenancy";
import type { Column } from "./table.ts";

export const PLACEMENT_COLUMNS: readonly Column<PlacementEntry>[] = [
  { title: "PLACEMENT", cell: ({ name }) => printable(name) },
  { title: "SERVER", cell: ({ server }) => printable(server) },
  { title: "TENANTS", cell: ({ tenants }) => String(tenants), align: "right" },
  { title: "TAKES NEW ONES", cell: ({ draining }) => (draining ? "no: it drains" : "yes") },
];
