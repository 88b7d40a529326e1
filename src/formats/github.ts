/**
 * Workflow commands of GitHub Actions, one line a finding: the runner turns them into annotations.
 * (Documentation: "Workflow commands for GitHub Actions", setting an error message.)
 */
import { shownName, type FileReport } from "./file-report.js";
import { visible } from "./printable.js";
import type { Diagnostic, Severity } from "./report.js";

const commands: Readonly<Record<Severity, string>> = { error: "error", warning: "warning", info: "notice", hint: "notice" };

export function renderGithub(files: readonly FileReport[]): string {
  let text = "";
  for (const { filename, report } of files) {
    const file = property(shownName(filename));
    for (const diagnostic of report.diagnostics) {
      const title = property(`${report.linter.name} (${diagnostic.rule})`);
      text += `::${commands[diagnostic.severity]} file=${file},${place(diagnostic)},title=${title}::${data(diagnostic.message)}\n`;
    }
  }
  return text;
}

/** Columns are left out of a finding over several lines: the API refuses them there. */
function place({ range: { start, end } }: Diagnostic): string {
  return start.line === end.line
    ? `line=${start.line},endLine=${end.line},col=${start.column},endColumn=${end.column}`
    : `line=${start.line},endLine=${end.line}`;
}

/** The runner decodes exactly these; other control characters are made visible, line breaks stay. */
function data(text: string): string {
  return text
    .split(/\r\n|[\r\n]/)
    .map((line) => visible(line.replaceAll("\t", " ")).replaceAll("%", "%25"))
    .join("%0A");
}

function property(text: string): string {
  return data(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
