/** Checkstyle's XML report: what Jenkins and many editors read. */
import { shownName, type FileReport } from "./file-report.js";
import type { Severity } from "./report.js";

/** Checkstyle knows no hint. */
const severities: Readonly<Record<Severity, string>> = { error: "error", warning: "warning", info: "info", hint: "info" };

export function renderCheckstyle(files: readonly FileReport[]): string {
  let xml = '<?xml version="1.0" encoding="utf-8"?>\n<checkstyle version="4.3">\n';
  for (const { filename, report } of files) {
    xml += `  <file name="${attribute(shownName(filename))}">\n`;
    for (const { range, severity, rule, message } of report.diagnostics) {
      const source = attribute(`${report.linter.name}.${rule}`);
      xml += `    <error line="${range.start.line}" column="${range.start.column}" severity="${severities[severity]}" message="${attribute(message)}" source="${source}" />\n`;
    }
    xml += "  </file>\n";
  }
  return `${xml}</checkstyle>\n`;
}

/** What XML 1.0 (production 2, Char) has no form for at all, not even as a reference. */
// eslint-disable-next-line no-control-regex -- finding them is its purpose
const impossible = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu;
/** White space is normalized to blanks in attributes unless it is a reference; C1 controls are discouraged as they are. */
const escaped = /[&<>"'\t\n\r\u007f-\u009f\u2028\u2029]/g;

function attribute(text: string): string {
  return text.replace(impossible, "\ufffd").replace(escaped, (character) => `&#${character.charCodeAt(0)};`);
}
