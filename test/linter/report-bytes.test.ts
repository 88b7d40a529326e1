import fc from "fast-check";
import t from "tap";
import { severities, type Diagnostic, type Report } from "../../src/formats/report.js";
import { reportOf } from "../../src/linter/messages.js";
import { compareDiagnostics, reportResponse, truncatedRule } from "../../src/linter/report-bytes.js";

const identity = { language: "x", linterName: "linter", linterVersion: "1" };
const position = fc.record({ line: fc.integer({ min: 1, max: 5 }), column: fc.integer({ min: 1, max: 5 }) });
const diagnostic: fc.Arbitrary<Diagnostic> = fc.record({
  rule: fc.constantFrom("a", "b", "c"),
  severity: fc.constantFrom(...severities),
  message: fc.string(),
  range: fc.record({ start: position, end: position }),
});

function reportFrom(found: readonly Diagnostic[], reportBytesMax = 1_000_000): Report {
  const response = reportResponse(identity, found, reportBytesMax);
  if (response.length > reportBytesMax) throw new Error("larger than allowed");
  return JSON.parse(Buffer.from(reportOf(response)).toString("utf8")) as Report;
}

void t.test("the same findings give the same bytes in whatever order they were found", (t) => {
  fc.assert(
    fc.property(fc.array(diagnostic), (found) => {
      const forwards = Buffer.from(reportOf(reportResponse(identity, found, 1_000_000)));
      const backwards = Buffer.from(reportOf(reportResponse(identity, [...found].reverse(), 1_000_000)));
      return forwards.equals(backwards);
    }),
  );
  t.end();
});

void t.test("diagnostics are in order, positions count from 1, ends are not before starts", (t) => {
  fc.assert(
    fc.property(fc.array(diagnostic), (found) => {
      const { diagnostics, summary } = reportFrom(found);
      const inOrder = diagnostics.every((one, index) => index === 0 || compareDiagnostics(diagnostics[index - 1]!, one) <= 0);
      const forwards = diagnostics.every(({ range: { start, end } }) => end.line > start.line || (end.line === start.line && end.column >= start.column));
      return inOrder && forwards && summary.errors + summary.warnings + summary.infos + summary.hints === found.length;
    }),
  );
  const odd = { rule: "r", severity: "error" as const, message: "m", range: { start: { line: 0, column: NaN }, end: { line: -1, column: 0 } } };
  t.strictSame(reportFrom([odd]).diagnostics[0]?.range, { start: { line: 1, column: 1 }, end: { line: 1, column: 1 } });
  t.end();
});

void t.test("a report that would be too large keeps its first diagnostics and says how many it left out", (t) => {
  const found = Array.from({ length: 500 }, (_, index): Diagnostic => ({
    rule: "r",
    severity: "warning",
    message: "m".repeat(100),
    range: { start: { line: index + 1, column: 1 }, end: { line: index + 1, column: 2 } },
    fixes: [{ message: "f", safe: true, edits: [{ range: { start: { line: 1, column: 1 }, end: { line: 1, column: 1 } }, text: "x".repeat(50) }] }],
  }));
  const { diagnostics } = reportFrom(found, 20_000);
  const last = diagnostics.at(-1)!;
  t.equal(last.rule, truncatedRule);
  t.ok(diagnostics.length > 20, "not needlessly few");
  t.match(last.message, `${500 - (diagnostics.length - 1)} more findings are not listed`);
  t.strictSame(diagnostics.slice(0, -1).map((one) => one.range.start.line), diagnostics.slice(0, -1).map((_, index) => index + 1));
  t.equal(reportFrom(found.slice(0, 1), 400).diagnostics.length, 1, "without its fixes it fits");
  t.equal(reportFrom(found.map((one) => ({ ...one, message: "ü".repeat(5_000) })), 1_000).diagnostics[0]?.rule, truncatedRule);
  t.end();
});
