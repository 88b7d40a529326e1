/** The sources and reports under test/fixtures: real linters' findings, and files made to be awkward. */
import { readFileSync } from "node:fs";
import type { FileReport } from "../../src/formats/file-report.js";
import { parseReport } from "../../src/formats/parse-report.js";
import { summarize, type Diagnostic, type Report } from "../../src/formats/report.js";

const fixtures = new URL("../../../test/fixtures/", import.meta.url);

/** A source; its file ends in ".txt", so that no tool of this repository takes it for its own. */
export function sampleSource(name: string): string {
  return readFileSync(new URL(`sources/${name}.txt`, fixtures), "utf8");
}

/** `name` is that of a source: "greet.py", "sum.ts" or "broken.json". */
export function sampleReport(name: string): Report {
  return parseReport(readFileSync(new URL(`reports/${name}.json`, fixtures), "utf8"));
}

export function sampleFiles(): FileReport[] {
  return ["greet.py", "sum.ts", "broken.json"].map((name) => ({
    filename: `src/${name}`,
    report: sampleReport(name),
    source: sampleSource(name),
  }));
}

export function reportWith(diagnostics: readonly Diagnostic[]): Report {
  return { language: "python", linter: { name: "ruff", version: "0.17.3" }, diagnostics, summary: summarize(diagnostics) };
}

export function diagnosticAt(line: number, column: number, more: Partial<Diagnostic> = {}): Diagnostic {
  return { rule: "R1", severity: "warning", message: "something", range: { start: { line, column }, end: { line, column: column + 1 } }, ...more };
}

/** Every character that some format cannot write as it is. */
export const nastyText = 'a "b" <c> & \'d\' %20 100% x,y:z ::error::no \u0000\u0007\u001b[31m\u007f\u0085\u009b \u2028\u2029 \u202eabc \ud800 \ufffe \ud834\udd1e\r\nsecond\tline\n';

export const nastyNames = ["-", "", "with space.py", "naïve/文件.py", "100%/a%20b.py", "a\nb\u001b[2J.py", "c:d.py", "/abs/x?y#z.py", "../up,down.py", 'q"<&>\'.py', "half\ud800.py", "back\\slash.py"];

/** One file per awkward name, each with awkward texts everywhere. */
export function nastyFiles(): FileReport[] {
  return nastyNames.map((filename) => ({
    filename,
    report: reportWith([
      diagnosticAt(1, 1, {
        rule: nastyText,
        message: nastyText,
        url: "https://example.org/rules/a b",
        tags: ["deprecated", "deprecated"],
        fixes: [{ message: nastyText, safe: true, edits: [{ range: { start: { line: 1, column: 1 }, end: { line: 1, column: 1 } }, text: nastyText }] }],
      }),
      diagnosticAt(2, 3, { url: "not a url", fixes: [{ message: "", safe: false, edits: [] }] }),
      diagnosticAt(3, 1, { severity: "hint", range: { start: { line: 3, column: 1 }, end: { line: 9, column: 1 } } }),
    ]),
  }));
}
