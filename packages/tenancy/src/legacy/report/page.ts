import type { LegacyReport } from "../legacy-report.ts";
import { type Content, html, type Markup, said } from "./html.ts";
import { licenseSection } from "./license-section.ts";
import { duration, ending, time } from "./moments.ts";
import { STYLE } from "./style.ts";
import { becameWords, FINDING_WORDS } from "./words.ts";

/** Licenses up to which each one's part of the page is open from the start. */
const OPEN_UP_TO = 20;

/**
 * The report of a legacy migration as one page for people who weren't there: static, without scripts, and without anything
 * from elsewhere.
 */
export function renderLegacyReport(report: LegacyReport): string {
  const title = report.dryRun ? "Plan of a license migration" : "Report of a license migration";
  const open = report.licenses.length <= OPEN_UP_TO;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}: ${report.system}</title>
<style>${{ markup: STYLE }}</style>
</head>
<body>
<main>
<header>
<h1>${title}</h1>
<p class="lead">${summary(report)}</p>
${facts(report)}
</header>
${todo(report)}
${findings(report)}
<section>
<h2>Licenses</h2>
${overview(report)}
</section>
${report.licenses.map((license, index) => licenseSection(license, { index, open }))}
${method(report)}
</main>
</body>
</html>
`;
  return page.markup;
}

function summary(report: LegacyReport): Markup {
  const { licenses, outcomes, foresight, rows } = report.figures;
  if (report.error !== undefined)
    return html`The run failed before anything was moved: ${said(report.error.detail)}`;
  if (report.dryRun) {
    return html`The source has ${plural(licenses.total, "license", "licenses")}: ${list([
      [foresight.import, "would move with data"],
      [foresight.create, "would get a fresh tenant"],
      [foresight.skip, "there already, would be left"],
      [foresight.refuse, "could not be moved"],
    ])}. Their files hold ${plural(rows.planned, "row", "rows")}. This is a plan: nothing was moved.`;
  }
  return html`${plural(licenses.total, "license", "licenses")}: ${list([
    [outcomes.imported, "moved with data"],
    [outcomes.created, "got a fresh tenant"],
    [outcomes.skipped, "there already, left as it was"],
    [licenses.failed, "failed"],
    [licenses.canceled, "canceled"],
    [licenses.queued + licenses.running, "yet to be moved"],
  ])}. ${plural(rows.done, "row was", "rows were")} copied and verified, ${plural(rows.quarantined, "row", "rows")} went to quarantine; none was dropped.`;
}

function facts(report: LegacyReport): Markup {
  const zone = report.timeZone === null ? "the system's own" : report.timeZone;
  return pairs([
    ["From", html`${report.system}, ${said(report.source)}`],
    ["Into", html`tenants of the blueprint ${report.blueprint}`],
    ["Asked for by", said(report.actor)],
    ["Asked for", time(report.createdAt)],
    ...(report.finishedAt === null
      ? []
      : ([
          ["Ended", html`${time(report.finishedAt)}, after ${duration(report.createdAt, report.finishedAt)}`],
        ] as const)),
    ["State", report.state],
    [
      "Rules",
      html`times without a zone: ${said(zone)}; a license that is there already: ${
        report.onExisting === "skip" ? "left as it is" : "fails"
      }; rows that can't be imported: ${report.strict ? "fail the license" : "go to quarantine"}`,
    ],
    ["Run", html`<code>${report.id}</code>`],
  ]);
}

/** What is left for somebody to do; the first thing that a reader wants to know. */
function todo(report: LegacyReport): Markup {
  const { figures, id, licenses } = report;
  const open = licenses.reduce(
    (sum, license) => sum + license.quarantine.reduce((all, group) => all + group.open, 0),
    0,
  );
  const noted = licenses.filter(({ notes }) => notes.length > 0).length;
  const lost = figures.licenses.failed + figures.licenses.canceled;
  const things: Content[] = [
    ...(report.error === undefined ? [] : [html`${said(report.error.hint)}`]),
    ...(lost === 0
      ? []
      : [
          html`${plural(lost, "license was", "licenses were")} not moved: mend what is said below, then do ${
            lost === 1 ? "it" : "them"
          } again with <code>tenantry operation retry ${id}</code>. What is moved already isn't touched.`,
        ]),
    ...(open === 0
      ? []
      : [
          html`${plural(open, "row waits", "rows wait")} in quarantine: <code>tenantry migrate-legacy quarantine show ${id}</code>. What is there can be exported, corrected and imported, or set aside.`,
        ]),
    ...(noted === 0 ? [] : [html`${plural(noted, "license has", "licenses have")} a note below: read it.`]),
    ...(report.findings.length === 0 ? [] : [html`Look at the findings about the source, below.`]),
    ...(report.dryRun ? [html`Run it without <code>--dry-run</code> to move them.`] : []),
  ];
  return html`<section><h2>What is left to do</h2>
${things.length === 0 ? html`<p>Nothing.</p>` : html`<ul>${things.map((thing) => html`<li>${thing}</li>`)}</ul>`}
</section>`;
}

function findings({ findings: found }: LegacyReport): Content {
  if (found.length === 0) return null;
  return html`<section><h2>Findings about the source</h2>
<div class="wide"><table><thead><tr><th>What</th><th>Says</th></tr></thead><tbody>
${found.map(
  ({ code, file, detail }) =>
    html`<tr><td>${FINDING_WORDS[code]}</td><td>${said(detail.includes(file) ? detail : `${file}: ${detail}`)}</td></tr>`,
)}</tbody></table></div></section>`;
}

function overview({ licenses }: LegacyReport): Markup {
  if (licenses.length === 0) return html`<p>None.</p>`;
  return html`<div class="wide"><table>
<thead><tr><th>License</th><th>Client</th><th>What became of it</th><th class="n">Rows copied</th><th class="n">In quarantine</th></tr></thead>
<tbody>${licenses.map(
    (license, index) => html`<tr class="${ending(license)}">
<td><a href="#license-${String(index + 1)}">${said(license.licenseKey ?? license.name)}</a></td>
<td>${said(license.clientName)}</td>
<td>${becameWords(license)}</td>
<td class="n">${license.rowsDone}</td>
<td class="n">${license.quarantined}</td></tr>`,
  )}</tbody></table></div>`;
}

function method({ dryRun }: LegacyReport): Content {
  if (dryRun) return null;
  return html`<section><h2>How it was verified</h2>
<p>Each license moved by itself, in one transaction: its tenant is there whole, or nothing of it is. Before the transaction was
committed, for each table:</p>
<ul>
<li>the rows that were read are as many as those copied and those in quarantine together, and the tenant's table holds as many as were copied;</li>
<li>a checksum over all copied values, the same whatever the order of the rows, was worked out from the file and again by PostgreSQL, and the two agreed;</li>
<li>so did the sums of the columns that hold money and quantities;</li>
<li>every foreign key was checked.</li>
</ul>
<p>Had anything disagreed, the license would have failed and left nothing. Conversions changed the form of a value, never its meaning;
they are counted with each license. Rows without a safe reading are kept as they were, in quarantine.</p></section>`;
}

function pairs(rows: readonly (readonly [string, Content])[]): Markup {
  return html`<dl>${rows.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
}

function plural(number: number, one: string, many: string): Markup {
  return html`${number} ${number === 1 ? one : many}`;
}

function list(parts: readonly (readonly [number, string])[]): Content {
  const shown = parts.filter(([number]) => number > 0);
  if (shown.length === 0) return "none";
  return shown.map(([number, what], index) => html`${index === 0 ? "" : ", "}${number} ${what}`);
}
