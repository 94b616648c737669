import { type Finding, printable } from "@tenantry/tenancy";
import type { Terminal } from "../output/terminal.ts";

const VERDICTS = { ok: "ok", problem: "PROBLEM" } as const;

/** Findings as lines, each problem's remedy beneath it. */
export function findingsText(findings: readonly Finding[], style: Terminal["style"]): string {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const verdictWidth = VERDICTS.problem.length;
  return findings
    .map(({ check, severity, detail, remedy }) => {
      const verdict = style(severity === "ok" ? "green" : "red", VERDICTS[severity].padEnd(verdictWidth));
      const lines = [`${verdict}  ${check.padEnd(width)}  ${printable(detail)}`];
      if (remedy !== null) lines.push(`${" ".repeat(verdictWidth + width + 4)}${printable(remedy)}`);
      return `${lines.join("\n")}\n`;
    })
    .join("");
}
