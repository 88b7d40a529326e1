/** Plain lines, `file:line:col: severity rule message`: what editors, grep and log readers understand. */
import { shownName, type FileReport } from "./file-report.js";
import { oneLine, visible } from "./printable.js";

export function renderText(files: readonly FileReport[]): string {
  let text = "";
  for (const { filename, report } of files) {
    const name = visible(shownName(filename));
    for (const { range, severity, rule, message } of report.diagnostics) {
      text += `${name}:${range.start.line}:${range.start.column}: ${severity} ${oneLine(rule)} ${oneLine(message)}\n`;
    }
  }
  return text;
}
