import t from "tap";
import { parseReport } from "../../src/formats/parse-report.js";
import { sampleReport } from "../support/sample-reports.js";

void t.test("a report is taken as it is, unknown members included", (t) => {
  const report = { ...sampleReport("sum.ts"), extra: 1 };
  t.same(parseReport(JSON.stringify(report)), report);
  t.end();
});

void t.test("what is wrong is named", (t) => {
  const base = sampleReport("greet.py");
  const first = base.diagnostics[0]!;
  const withFirst = (change: object) => ({ ...base, diagnostics: [{ ...first, ...change }] });
  const range = (startLine: unknown, endColumn: unknown) => ({ start: { line: startLine, column: 3 }, end: { line: 1, column: endColumn } });
  const cases: readonly (readonly [value: unknown, message: string])[] = [
    ["text", "the report is not an object"],
    [[], "the report is not an object"],
    [null, "the report is not an object"],
    [{ ...base, language: 1 }, "language is not a string"],
    [{ ...base, linter: null }, "linter is not an object"],
    [{ ...base, diagnostics: {} }, "diagnostics is not an array"],
    [{ ...base, summary: { ...base.summary, hints: -1 } }, "summary.hints is not a whole number from 0 on"],
    [withFirst({ severity: "fatal" }), "diagnostics[0].severity is not one of error, warning, info, hint"],
    [withFirst({ rule: null }), "diagnostics[0].rule is not a string"],
    [withFirst({ url: 5 }), "diagnostics[0].url is not a string"],
    [withFirst({ range: range(0, 4) }), "diagnostics[0].range.start.line is not a whole number from 1 on"],
    [withFirst({ range: range("1", 4) }), "diagnostics[0].range.start.line is not a whole number from 1 on"],
    [withFirst({ range: range(1, 2) }), "diagnostics[0].range ends before it starts"],
    [withFirst({ fixes: [{ message: "", safe: 1, edits: [] }] }), "diagnostics[0].fixes[0].safe is not true or false"],
    [withFirst({ fixes: [{ message: "", safe: true, edits: [{ range: range(1, 3), text: 1 }] }] }), "diagnostics[0].fixes[0].edits[0].text is not a string"],
  ];
  for (const [value, message] of cases) t.throws(() => parseReport(JSON.stringify(value)), { message }, message);
  t.throws(() => parseReport("{"), { message: "the report is not JSON" });
  t.end();
});
