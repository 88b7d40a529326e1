/** For people at a terminal: grouped by file, aligned, in colour, with a count at the end. */
import picocolors from "picocolors";
import { shownName, totalOf, type FileReport } from "./file-report.js";
import { oneLine, visible } from "./printable.js";
import type { Diagnostic, Severity, Summary } from "./report.js";

export interface PrettyOptions {
  readonly color: boolean;
  /** Whether to end with the count of problems. Default true. */
  readonly closing?: boolean;
}

type Colors = ReturnType<typeof picocolors.createColors>;

export function renderPretty(files: readonly FileReport[], options: PrettyOptions): string {
  const colors = picocolors.createColors(options.color);
  let text = "";
  for (const { filename, report } of files) {
    if (report.diagnostics.length === 0) continue;
    text += `${colors.underline(visible(shownName(filename)))}\n${linesOf(report.diagnostics, colors)}\n`;
  }
  return options.closing === false ? text : text + closing(files.length, totalOf(files), colors);
}

function linesOf(diagnostics: readonly Diagnostic[], colors: Colors): string {
  const rows = diagnostics.map(({ range, severity, rule, message }) => ({
    place: `${range.start.line}:${range.start.column}`,
    severity,
    rule: oneLine(rule),
    message: oneLine(message),
  }));
  const widest = (of: (row: (typeof rows)[number]) => string): number => rows.reduce((width, row) => Math.max(width, of(row).length), 0);
  const placeWidth = widest((row) => row.place);
  const severityWidth = widest((row) => row.severity);
  const ruleWidth = widest((row) => row.rule);
  let text = "";
  for (const row of rows) {
    const severity = paint(row.severity, row.severity.padEnd(severityWidth), colors);
    text += `  ${colors.dim(row.place.padStart(placeWidth))}  ${severity}  ${colors.dim(row.rule.padEnd(ruleWidth))}  ${row.message}\n`;
  }
  return text;
}

function paint(severity: Severity, text: string, colors: Colors): string {
  switch (severity) {
    case "error":
      return colors.red(text);
    case "warning":
      return colors.yellow(text);
    case "info":
      return colors.blue(text);
    case "hint":
      return colors.dim(text);
  }
}

function closing(fileCount: number, total: Summary, colors: Colors): string {
  const found = total.errors + total.warnings + total.infos + total.hints;
  if (found === 0) return colors.green(`✔ no problems in ${counted(fileCount, "file")}\n`);
  const parts = [
    total.errors > 0 ? counted(total.errors, "error") : "",
    total.warnings > 0 ? counted(total.warnings, "warning") : "",
    total.infos > 0 ? counted(total.infos, "info") : "",
    total.hints > 0 ? counted(total.hints, "hint") : "",
  ].filter((part) => part !== "");
  const fixable = total.fixable === 0 ? "" : `, ${total.fixable} with a fix`;
  const sentence = `✖ ${counted(found, "problem")} in ${counted(fileCount, "file")} (${parts.join(", ")})${fixable}\n`;
  return colors.bold(total.errors > 0 ? colors.red(sentence) : colors.yellow(sentence));
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
