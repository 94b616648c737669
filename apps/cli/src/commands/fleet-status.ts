import {
  type FleetGroup,
  type FleetRunSummary,
  type FleetStanding,
  fleetStatus,
  printable,
  type WarmPoolEntry,
} from "@tenantry/tenancy";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { type Column, formatTable } from "../output/table.ts";
import { withInstallation } from "../with-installation.ts";

const BLUEPRINTS: readonly Column<FleetStanding>[] = [
  { title: "BLUEPRINT", cell: ({ blueprint }) => blueprint },
  { title: "VERSION", cell: ({ version }) => printable(version) },
  { title: "TENANTS", cell: ({ tenants }) => String(tenants), align: "right" },
  { title: "BEHIND", cell: ({ behind }) => String(behind), align: "right" },
  { title: "NEWER", cell: ({ newer }) => String(newer), align: "right" },
];

const GROUPS: readonly Column<FleetGroup>[] = [
  { title: "BLUEPRINT", cell: ({ blueprint }) => printable(blueprint) },
  { title: "PLACEMENT", cell: ({ placement }) => placement },
  { title: "AT", cell: ({ version }) => printable(version) },
  { title: "TENANTS", cell: ({ tenants }) => String(tenants), align: "right" },
];

const RUNS: readonly Column<FleetRunSummary>[] = [
  { title: "RUN", cell: ({ id }) => id },
  { title: "BLUEPRINT", cell: ({ blueprint }) => printable(blueprint) },
  { title: "TO", cell: ({ version }) => printable(version) },
  { title: "STATE", cell: ({ state, paused }) => (paused === null ? state : "paused") },
  { title: "DONE", cell: ({ done, total }) => `${done} of ${total}`, align: "right" },
  { title: "FAILED", cell: ({ failed }) => String(failed), align: "right" },
  { title: "SAYS", cell: ({ paused }) => paused ?? "" },
];

const SPARES: readonly Column<WarmPoolEntry>[] = [
  { title: "SPARES OF", cell: ({ blueprint }) => printable(blueprint) },
  { title: "PLACEMENT", cell: ({ placement }) => placement },
  { title: "AT", cell: ({ version, current }) => `${printable(version)}${current ? "" : " (outdated)"}` },
  { title: "READY", cell: ({ ready }) => String(ready), align: "right" },
  { title: "MAKING", cell: ({ making }) => String(making), align: "right" },
];

export const fleetStatusCommand = defineCommand({
  description:
    "Shows which tenants are at which version, the runs that upgrade them or have left some behind, and the warm pool.",
  options: {},
  details: ["Runs that have ended well aren't shown; of others, each blueprint's last."],
  examples: ["tenantry fleet status", "tenantry fleet status --json"],
  run: async (context) =>
    withInstallation(context, { worker: false }, async ({ ctx }) => {
      const { terminal, json } = context;
      const status = await fleetStatus(ctx);
      if (json) {
        terminal.json(status);
        return EXIT.done;
      }
      const parts = [
        formatTable(BLUEPRINTS, status.blueprints),
        ...(status.groups.length === 0 ? [] : [formatTable(GROUPS, status.groups)]),
        ...(status.runs.length === 0 ? [] : [formatTable(RUNS, status.runs)]),
        ...(status.warmPool.length === 0 ? [] : [formatTable(SPARES, status.warmPool)]),
      ];
      terminal.data(parts.join("\n"));
      if (status.blueprints.some(({ behind }) => behind > 0)) {
        terminal.note("`tenantry fleet migrate` upgrades those that are behind.");
      }
      return EXIT.done;
    }),
});
