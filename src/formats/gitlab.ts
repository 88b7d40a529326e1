/** GitLab's code quality report: the array that a merge request shows as a widget. */
import { lastLineOf, shownName, type FileReport } from "./file-report.js";
import { Fingerprints } from "./fingerprint.js";
import type { Severity } from "./report.js";

/** GitLab's words are info, minor, major, critical, blocker. A linter's error stops no release by itself: major. */
const severities: Readonly<Record<Severity, string>> = { error: "major", warning: "minor", info: "info", hint: "info" };

export function renderGitlab(files: readonly FileReport[]): string {
  const fingerprints = new Fingerprints();
  const issues = files.flatMap(({ filename, report }) =>
    report.diagnostics.map((diagnostic) => ({
      description: diagnostic.message,
      check_name: diagnostic.rule,
      fingerprint: fingerprints.of(filename, diagnostic),
      severity: severities[diagnostic.severity],
      location: {
        path: shownName(filename),
        lines: { begin: diagnostic.range.start.line, end: lastLineOf(diagnostic.range) },
      },
    })),
  );
  return `${JSON.stringify(issues)}\n`;
}
