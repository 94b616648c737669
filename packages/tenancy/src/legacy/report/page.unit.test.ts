import { CONVERSION_KINDS } from "@tenantry/schema";
import { describe, expect, it } from "vitest";
import type { LegacyReport, LicenseReport } from "../legacy-report.ts";
import { renderLegacyReport } from "./page.ts";

const RUN = "01900000-0000-7000-8000-000000000000";

const license: LicenseReport = {
  id: "01900000-0000-7000-8000-000000000001",
  name: "8FB1-D928-D2BE-DDA7",
  source: "licenses_master.db, license 3",
  licenseKey: "8FB1-D928-D2BE-DDA7",
  clientName: "مؤسسة النخبة",
  state: "succeeded",
  foresight: "import",
  outcome: "imported",
  operationId: "01900000-0000-7000-8000-000000000002",
  file: "tenant_databases/tenant_8FB1_D928_D2BE_DDA7.db",
  sha256: "ab".repeat(32),
  bytes: 1_234_567,
  rowsPlanned: 1_965,
  rowsDone: 1_964,
  tables: [],
  differences: {
    missingTables: ["damaged_inventory"],
    missingColumns: [{ table: "stocks", column: "damaged_quantity" }],
    unknownTables: [{ table: "loyalty", as: "legacy_loyalty", rows: 12 }],
    unknownColumns: [{ table: "users", column: "theme", as: "legacy_users" }],
    leftOut: [{ table: "alembic_version", column: null, reason: "the old program's own bookkeeping" }],
  },
  quarantined: 1,
  notes: ["It has 8 active users, and its license allows 6: only further ones are refused."],
  schema: "tenant_8fb1_d928_d2be_dda7",
  certificate: {
    foreignKeys: 115,
    quarantined: 1,
    tries: 1,
    tables: [
      {
        source: "products",
        target: "products",
        extra: false,
        read: 50,
        copied: 49,
        quarantined: 1,
        converted: { cost_price: { "noise-removed": 3 }, created_at: { "zone-applied": 49 } },
        checksum: "-4611686018427387904",
        sums: { cost_price: "1234.500000000000" },
      },
      {
        source: "leads",
        target: "leads",
        extra: false,
        read: 0,
        copied: 0,
        quarantined: 0,
        converted: {},
        checksum: "0",
        sums: {},
      },
    ],
  },
  quarantine: [
    {
      table: "products",
      column: "min_price",
      code: "not-readable",
      reason: "This text is no number.",
      rows: 1,
      open: 1,
      examples: [{ rowId: "4", value: "ten" }],
    },
  ],
};

const report: LegacyReport = {
  id: RUN,
  system: "ded",
  blueprint: "erp",
  source: "/srv/old",
  state: "succeeded",
  actor: "cli:omar",
  dryRun: false,
  strict: false,
  onExisting: "skip",
  timeZone: null,
  createdAt: "2026-03-01T10:00:00.000Z",
  finishedAt: "2026-03-01T10:01:05.000Z",
  figures: {
    licenses: { total: 2, planned: 0, queued: 0, running: 0, succeeded: 1, failed: 1, canceled: 0 },
    foresight: { import: 1, create: 0, skip: 0, refuse: 1 },
    outcomes: { imported: 1, created: 0, skipped: 0 },
    rows: { planned: 1_965, done: 1_964, quarantined: 1 },
    rowsPerSecond: 9_800,
    estimatedEnd: null,
    findings: 1,
  },
  findings: [
    {
      file: "tenant_databases/tenant_0000.db",
      code: "file-without-license",
      detail: "No license has this key.",
    },
  ],
  licenses: [
    license,
    {
      ...license,
      id: "01900000-0000-7000-8000-000000000003",
      name: "AAAA-BBBB-CCCC-DDDD",
      licenseKey: "AAAA-BBBB-CCCC-DDDD",
      clientName: "ООО «Ромашка»",
      state: "failed",
      foresight: "refuse",
      outcome: null,
      error: {
        code: "SOURCE_INVALID",
        detail: "The file is no SQLite database.",
        hint: "Look for the right one.",
      },
      rowsDone: 0,
      quarantined: 0,
      notes: [],
      schema: null,
      certificate: null,
      differences: null,
      quarantine: [],
    },
  ],
};

describe("the report's page", () => {
  it("tells what was moved, from where, by whom and when, and what is left to do", () => {
    const page = renderLegacyReport(report);
    for (const text of [
      "2 licenses: 1 moved with data, 1 failed. 1,964 rows were copied and verified, 1 row went to quarantine",
      "<bdi>/srv/old</bdi>",
      "<bdi>cli:omar</bdi>",
      "2026-03-01 10:00:00 UTC",
      "after 1 min 5 s",
      `tenantry operation retry ${RUN}`,
      `tenantry migrate-legacy quarantine show ${RUN}`,
      "<bdi>مؤسسة النخبة</bdi>",
      "<bdi>ООО «Ромашка»</bdi>",
      "The file is no SQLite database.",
      "A file that no license claims</td><td><bdi>tenant_databases/tenant_0000.db: No license has this key.</bdi>",
      "its license allows 6",
      "-4611686018427387904",
      "cost_price</bdi> 1234.5</div>",
      "row <bdi>4</bdi>: <bdi>&#39;ten&#39;</bdi>",
      "binary noise taken off a number",
      "<bdi>products.cost_price</bdi> (3)",
      "1 table with rows: 50 read, 49 copied, 1 in quarantine",
      "<bdi>loyalty</bdi> as <bdi>legacy_loyalty</bdi>, 12 rows",
      "<bdi>damaged_inventory</bdi>",
      "Without rows: <bdi>leads</bdi>",
    ]) {
      expect(page).toContain(text);
    }
  });

  it("is whole by itself: it runs nothing, and asks nobody for anything", () => {
    const page = renderLegacyReport(report);
    expect(page).not.toMatch(/<script|<link|<img|<iframe|\ssrc=|url\(|@import|\son\w+=|https?:/i);
  });

  it("takes nothing of the old files as its own: every text of theirs is shown, and none does anything", () => {
    const hostile = `"><script>alert(1)</script><img src=x onerror='a'>&amp;\u202e\u2066\u0000\u001b[2J\ud800`;
    const evil: LicenseReport = {
      ...license,
      name: hostile,
      source: hostile,
      licenseKey: hostile,
      clientName: hostile,
      file: hostile,
      schema: hostile,
      notes: [hostile],
      error: { code: "SOURCE_INVALID", detail: hostile, hint: hostile },
      differences: {
        missingTables: [hostile],
        missingColumns: [{ table: hostile, column: hostile }],
        unknownTables: [{ table: hostile, as: hostile, rows: 1 }],
        unknownColumns: [{ table: hostile, column: hostile, as: hostile }],
        leftOut: [{ table: hostile, column: hostile, reason: hostile }],
      },
      certificate: {
        foreignKeys: 1,
        quarantined: 0,
        tries: 1,
        tables: [
          {
            source: hostile,
            target: hostile,
            extra: true,
            read: 1,
            copied: 1,
            quarantined: 0,
            converted: { [hostile]: { "date-only": 1 } },
            checksum: hostile,
            sums: { [hostile]: hostile },
          },
        ],
      },
      quarantine: [
        {
          table: hostile,
          column: hostile,
          code: "refused",
          reason: hostile,
          rows: 1,
          open: 1,
          examples: [
            { rowId: hostile, value: hostile },
            { rowId: hostile, value: { bytes: hostile } },
            { rowId: hostile, value: { text: hostile } },
          ],
        },
      ],
    };
    const page = renderLegacyReport({
      ...report,
      system: hostile,
      source: hostile,
      actor: hostile,
      timeZone: hostile,
      findings: [{ file: hostile, code: "unreadable", detail: hostile }],
      licenses: [evil],
    });
    expect(page).not.toMatch(/<script|<img/i);
    expect(page).not.toMatch(/[^\P{Cc}\n\t]|[\u202e\u2066]/u);
    expect(page.isWellFormed()).toBe(true);
    expect(page).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
  });

  it("has words for every kind of conversion", () => {
    const certificate = {
      foreignKeys: 0,
      quarantined: 0,
      tries: 1,
      tables: CONVERSION_KINDS.map((kind) => ({
        source: kind,
        target: kind,
        extra: false,
        read: 1,
        copied: 1,
        quarantined: 0,
        converted: { column: { [kind]: 1 } },
        checksum: "1",
        sums: {},
      })),
    };
    const page = renderLegacyReport({ ...report, licenses: [{ ...license, certificate }] });
    expect(page).not.toContain("undefined");
  });

  it("of a plan says what would be, and that nothing was moved", () => {
    const page = renderLegacyReport({
      ...report,
      dryRun: true,
      licenses: [{ ...license, state: "planned", outcome: null, certificate: null, quarantine: [] }],
    });
    expect(page).toContain("nothing was moved");
    expect(page).toContain("would move with its data");
    expect(page).not.toContain("How it was verified");
  });

  it("of a run that found no source says why", () => {
    const page = renderLegacyReport({
      ...report,
      state: "failed",
      error: { code: "SOURCE_NOT_FOUND", detail: "There is no such folder.", hint: "Check the path." },
      licenses: [],
      findings: [],
    });
    expect(page).toContain("failed before anything was moved: <bdi>There is no such folder.</bdi>");
    expect(page).toContain("Check the path.");
  });
});
