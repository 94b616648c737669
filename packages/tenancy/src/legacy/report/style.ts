/** The page's own: no fonts or styles from elsewhere. */
export const STYLE = `
:root { color-scheme: light dark; --line: #d4d7dd; --soft: #f5f6f8; --ink: #1c2230; --dim: #5a6375; --bad: #b3261e; --some: #8a5a00; --good: #1b6e3c; --link: #1f4fa3 }
@media (prefers-color-scheme: dark) {
  :root { --line: #3a404c; --soft: #20242c; --ink: #e7e9ee; --dim: #a2a9b8; --bad: #ff8a80; --some: #f2c14e; --good: #7bd99b; --link: #9dbcff }
}
* { box-sizing: border-box }
body { margin: 0; color: var(--ink); background: Canvas; font: 16px/1.55 system-ui, "Segoe UI", "Noto Sans", "Noto Sans Arabic", sans-serif }
main { max-width: 70rem; margin: 0 auto; padding: 2rem 1.25rem 4rem }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .75rem }
h2 { font-size: 1.3rem; margin: 2.5rem 0 .75rem }
h3 { font-size: 1.05rem; margin: 1.5rem 0 .4rem }
p, ul { margin: .4rem 0 .8rem; max-width: 62rem }
.lead { font-size: 1.15rem }
a { color: var(--link) }
code { font: .92em/1.4 ui-monospace, "DejaVu Sans Mono", monospace; background: var(--soft); padding: .1em .3em; border-radius: 3px; overflow-wrap: anywhere }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.25rem; margin: 1rem 0 }
dt { color: var(--dim) }
dd { margin: 0; overflow-wrap: anywhere }
.wide { overflow-x: auto }
table { border-collapse: collapse; width: 100%; font-size: .93rem }
th, td { text-align: start; vertical-align: top; padding: .35rem .7rem .35rem 0; border-bottom: 1px solid var(--line) }
th { color: var(--dim); font-weight: 600; white-space: nowrap }
td a { overflow-wrap: anywhere }
td.n, th.n { text-align: right; padding-inline-end: 1.4rem; font-variant-numeric: tabular-nums; white-space: nowrap }
td.x { font: .82rem/1.5 ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere }
tr.bad td:nth-child(3), .bad > .became { color: var(--bad); font-weight: 600 }
tr.some td:last-child, .some > .became { color: var(--some); font-weight: 600 }
.good > .became { color: var(--good) }
details { border: 1px solid var(--line); border-radius: 8px; padding: 0 1.1rem; margin: 1rem 0 }
summary { cursor: pointer; padding: .8rem 0; font-weight: 600 }
summary .became { font-weight: 400; display: block; font-size: .95rem }
.tables { background: var(--soft) }
.error { border-inline-start: 4px solid var(--bad); padding-inline-start: .9rem }
.note { border-inline-start: 4px solid var(--some); padding-inline-start: .9rem }
.dim { color: var(--dim) }
@media print {
  main { max-width: none; padding: 0 }
  body { font-size: 11px }
  details { break-inside: auto }
  details::details-content { content-visibility: visible; block-size: auto }
}
`;
