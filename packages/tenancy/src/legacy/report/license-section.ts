import type { ConversionKind } from "@tenantry/schema";
import type { ImportReport, ReportTable } from "../legacy-item.ts";
import type { LicenseReport, QuarantineGroup } from "../legacy-report.ts";
import { legacyValueText } from "../legacy-value-text.ts";
import { type Content, html, type Markup, said } from "./html.ts";
import { ending } from "./moments.ts";
import { becameWords, CONVERSION_WORDS } from "./words.ts";

/** One license's part of the page. */
export function licenseSection(
  license: LicenseReport,
  { index, open }: { readonly index: number; readonly open: boolean },
): Markup {
  return html`<details id="license-${String(index + 1)}" class="license"${open ? html` open` : null}>
<summary class="${ending(license)}">${said(license.licenseKey ?? license.name)} · ${said(license.clientName)}
<span class="became">${becameWords(license)}${quarantineCount(license)}</span></summary>
${error(license)}${license.notes.map((note) => html`<p class="note">${said(note)}</p>`)}
${facts(license)}
${quarantine(license.quarantine)}
${license.certificate === null ? null : figures(license.certificate)}
${differences(license)}
</details>
`;
}

function quarantineCount({ quarantined }: LicenseReport): Content {
  if (quarantined === 0) return null;
  return html`, ${quarantined} ${quarantined === 1 ? "row" : "rows"} in quarantine`;
}

function error({ error: trouble }: LicenseReport): Content {
  if (trouble === undefined) return null;
  return html`<p class="error">${said(trouble.detail)} <code>${trouble.code}</code><br>${said(trouble.hint)}</p>`;
}

function facts(license: LicenseReport): Markup {
  const { name, licenseKey, source, file, bytes, sha256, schema, rowsPlanned } = license;
  const rows: (readonly [string, Content])[] = [
    ...(licenseKey === null || licenseKey === name ? [] : [["Name in the source", said(name)] as const]),
    ["Stood in", said(source)],
    [
      "Its data",
      file === null
        ? "none: no file of its own"
        : html`${said(file)}, ${bytes ?? 0} bytes, ${rowsPlanned} rows`,
    ],
    ...(sha256 === null ? [] : [["SHA-256 of the file", html`<code>${sha256}</code>`] as const]),
    ...(schema === null ? [] : [["Tenant's schema", html`<code>${schema}</code>`] as const]),
  ];
  return html`<dl>${rows.map(([term, value]) => html`<dt>${term}</dt><dd>${value}</dd>`)}</dl>`;
}

function quarantine(groups: readonly QuarantineGroup[]): Content {
  if (groups.length === 0) return null;
  return html`<h3>Rows in quarantine</h3>
<div class="wide"><table><thead><tr><th>Table, column</th><th>Why</th><th class="n">Rows</th><th class="n">Still there</th><th>For example</th></tr></thead>
<tbody>${groups.map(
    (group) => html`<tr><td>${said(group.table)}, ${said(group.column)}</td>
<td>${said(group.reason)} <code>${group.code}</code></td>
<td class="n">${group.rows}</td><td class="n">${group.open}</td>
<td>${group.examples.map(
      ({ rowId, value }) => html`<div>row ${said(rowId)}: ${said(legacyValueText(value))}</div>`,
    )}</td></tr>`,
  )}</tbody></table></div>`;
}

function figures(certificate: ImportReport): Markup {
  const filled = certificate.tables.filter(({ read }) => read > 0);
  const empty = certificate.tables.filter(({ read }) => read === 0);
  return html`<details class="tables"><summary>${filled.length} ${filled.length === 1 ? "table" : "tables"} with rows: ${total(filled, "read")} read, ${total(filled, "copied")} copied, ${total(filled, "quarantined")} in quarantine</summary>
<p>${certificate.foreignKeys} foreign keys were checked. Checksums and sums are those of the file's rows; the tenant's tables gave the same.</p>
<div class="wide"><table><thead><tr><th>Table</th><th class="n">Read</th><th class="n">Copied</th><th class="n">In quarantine</th><th>Checksum, on both sides</th><th>Sums, on both sides</th></tr></thead>
<tbody>${filled.map(tableRow)}</tbody></table></div>
${empty.length === 0 ? null : html`<p class="dim">Without rows: ${names(empty.map(({ source }) => source))}.</p>`}
</details>
${conversions(filled)}`;
}

function total(tables: readonly ReportTable[], figure: "read" | "copied" | "quarantined"): number {
  return tables.reduce((sum, table) => sum + table[figure], 0);
}

function tableRow(table: ReportTable): Markup {
  const { source, target, read, copied, quarantined, checksum, sums } = table;
  const named = source === target ? said(source) : html`${said(source)} → ${said(target)}`;
  return html`<tr><td>${named}</td><td class="n">${read}</td><td class="n">${copied}</td><td class="n">${quarantined}</td>
<td class="x">${checksum}</td><td>${Object.entries(sums).map(
    ([column, sum]) => html`<div>${said(column)} ${trimmed(sum)}</div>`,
  )}</td></tr>`;
}

/** A sum for people: without the zeros that only show its column's scale. */
function trimmed(sum: string): string {
  return sum.includes(".") ? sum.replace(/\.?0+$/, "") : sum;
}

/** Which values were written in another form, and how often. */
function conversions(tables: readonly ReportTable[]): Content {
  const found = new Map<ConversionKind, { times: number; where: { column: string; times: number }[] }>();
  for (const { target, converted } of tables) {
    for (const [column, kinds] of Object.entries(converted)) {
      for (const [kind, times] of Object.entries(kinds) as [ConversionKind, number][]) {
        const entry = found.get(kind) ?? { times: 0, where: [] };
        entry.times += times;
        entry.where.push({ column: `${target}.${column}`, times });
        found.set(kind, entry);
      }
    }
  }
  if (found.size === 0) return null;
  return html`<h3>Values written in another form</h3>
<div class="wide"><table><thead><tr><th>What</th><th class="n">Times</th><th>Where</th></tr></thead><tbody>
${[...found].map(
  ([kind, { times, where }]) => html`<tr><td>${CONVERSION_WORDS[kind]}</td><td class="n">${times}</td>
<td>${where.map((place, index) => html`${index === 0 ? "" : ", "}${said(place.column)} (${place.times})`)}</td></tr>`,
)}</tbody></table></div>`;
}

function differences({ differences: found }: LicenseReport): Content {
  if (found === null) return null;
  const { unknownTables, unknownColumns, missingTables, missingColumns, leftOut } = found;
  const rows: (readonly [string, readonly Content[]])[] = [
    [
      "Tables that the blueprint doesn't know: kept",
      unknownTables.map(({ table, as, rows: number }) => html`${said(table)} as ${said(as)}, ${number} rows`),
    ],
    [
      "Columns that it doesn't know: kept",
      unknownColumns.map(({ table, column, as }) => html`${said(`${table}.${column}`)} in ${said(as)}`),
    ],
    ["Tables that the file lacks: as in a new tenant", missingTables.map(said)],
    [
      "Columns that it lacks: their defaults",
      missingColumns.map(({ table, column }) => said(`${table}.${column}`)),
    ],
    [
      "Left out",
      leftOut.map(
        ({ table, column, reason }) =>
          html`${said(column === null ? table : `${table}.${column}`)}: ${said(reason)}`,
      ),
    ],
  ];
  const shown = rows.filter(([, list]) => list.length > 0);
  if (shown.length === 0) return null;
  return html`<h3>How the file differs from the blueprint</h3>
<dl>${shown.map(
    ([what, list]) => html`<dt>${what}</dt><dd>${list.map((each) => html`<div>${each}</div>`)}</dd>`,
  )}</dl>`;
}

function names(list: readonly string[]): Content {
  return list.map((name, index) => html`${index === 0 ? "" : ", "}${said(name)}`);
}
