import { Ajv } from "ajv";
import addFormats from "ajv-formats";
import t from "tap";
import type { FileReport } from "../../src/formats/file-report.js";
import { renderGitlab } from "../../src/formats/gitlab.js";
import { renderJson } from "../../src/formats/json.js";
import { renderRdjson } from "../../src/formats/rdjson.js";
import { parseReport } from "../../src/formats/parse-report.js";
import { diagnosticAt, nastyFiles, nastyText, reportWith, sampleFiles } from "../support/sample-reports.js";

const ajv = new Ajv({ allErrors: true });
addFormats.default(ajv);

const position = { type: "object", properties: { line: { type: "integer", minimum: 1 }, column: { type: "integer", minimum: 1 } }, required: ["line"], additionalProperties: false };
const range = { type: "object", properties: { start: position, end: position }, required: ["start"], additionalProperties: false };
const named = { type: "object", properties: { name: { type: "string", minLength: 1 }, url: { type: "string" } }, required: ["name"], additionalProperties: false };

/** Written from the comments of reviewdog's reviewdog.proto, stricter than it: no member it does not name. */
const isRdjson = ajv.compile({
  type: "object",
  properties: {
    source: named,
    severity: { enum: ["ERROR", "WARNING", "INFO"] },
    diagnostics: {
      type: "array",
      items: {
        type: "object",
        properties: {
          message: { type: "string" },
          location: { type: "object", properties: { path: { type: "string", minLength: 1 }, range }, required: ["path"], additionalProperties: false },
          severity: { enum: ["ERROR", "WARNING", "INFO"] },
          source: named,
          code: { type: "object", properties: { value: { type: "string" }, url: { type: "string" } }, required: ["value"], additionalProperties: false },
          suggestions: { type: "array", items: { type: "object", properties: { range, text: { type: "string" } }, required: ["range", "text"], additionalProperties: false } },
        },
        required: ["message", "location"],
        additionalProperties: false,
      },
    },
  },
  required: ["diagnostics"],
  additionalProperties: false,
});

/** Written from GitLab's documentation of the code quality report format. */
const isGitlab = ajv.compile({
  type: "array",
  items: {
    type: "object",
    properties: {
      description: { type: "string" },
      check_name: { type: "string" },
      fingerprint: { type: "string", pattern: "^[0-9a-f]{32}$" },
      severity: { enum: ["info", "minor", "major", "critical", "blocker"] },
      location: {
        type: "object",
        properties: {
          path: { type: "string", minLength: 1, not: { pattern: "^\\./" } },
          lines: { type: "object", properties: { begin: { type: "integer", minimum: 1 }, end: { type: "integer", minimum: 1 } }, required: ["begin"], additionalProperties: false },
        },
        required: ["path", "lines"],
        additionalProperties: false,
      },
    },
    required: ["description", "check_name", "fingerprint", "severity", "location"],
    additionalProperties: false,
  },
});

const inputs: Readonly<Record<string, readonly FileReport[]>> = {
  samples: sampleFiles(),
  nasty: nastyFiles(),
  "no files": [],
  "no findings": [{ filename: "a.py", report: reportWith([]) }],
};

interface Rdjson {
  source: { name: string };
  diagnostics: { location: { path: string; range: unknown }; severity: string; code: unknown; suggestions?: { range: unknown; text: string }[] }[];
}
const rdjsonOf = (files: readonly FileReport[]): Rdjson => JSON.parse(renderRdjson(files)) as Rdjson;

void t.test("rdjson has the documented shape", (t) => {
  for (const [name, files] of Object.entries(inputs)) {
    isRdjson(rdjsonOf(files));
    t.same(isRdjson.errors ?? [], [], name);
  }
  t.notOk(isRdjson({ diagnostics: [{ message: "x", location: {} }] }), "the schema does refuse what is not");
  t.end();
});

void t.test("rdjson counts columns in bytes of UTF-8, in fixes too", (t) => {
  const [python] = sampleFiles();
  t.same(rdjsonOf([python!]).diagnostics[1]?.location.range, { start: { line: 6, column: 26 }, end: { line: 6, column: 30 } });
  const source = "é𝄞 = 1\r\nx\r\n";
  const edit = { range: { start: { line: 1, column: 4 }, end: { line: 2, column: 4 } }, text: "" };
  const file = { filename: "a.py", source, report: reportWith([diagnosticAt(9, 5, { fixes: [{ message: "", safe: true, edits: [edit] }] })]) };
  const [diagnostic] = rdjsonOf([file]).diagnostics;
  t.same(diagnostic?.suggestions?.[0]?.range, { start: { line: 1, column: 7 }, end: { line: 2, column: 4 } }, "beyond the line's end it keeps its distance");
  t.same(diagnostic?.location.range, { start: { line: 9, column: 5 }, end: { line: 9, column: 6 } }, "a line that is not there is left alone");
  t.same(rdjsonOf([{ filename: python!.filename, report: python!.report }]).diagnostics[1]?.location.range, { start: { line: 6, column: 23 }, end: { line: 6, column: 27 } }, "without the source it cannot know");
  t.end();
});

void t.test("rdjson suggests the edits of one fix only, a safe one first", (t) => {
  const edit = (text: string) => ({ range: { start: { line: 1, column: 1 }, end: { line: 1, column: 1 } }, text });
  const fixes = [
    { message: "", safe: false, edits: [edit("unsafe")] },
    { message: "", safe: true, edits: [edit("one"), edit("two")] },
  ];
  const suggested = (taken: typeof fixes) => rdjsonOf([{ filename: "a", report: reportWith([diagnosticAt(1, 1, { fixes: taken })]) }]).diagnostics[0]?.suggestions?.map(({ text }) => text);
  t.same(suggested(fixes), ["one", "two"]);
  t.same(suggested(fixes.slice(0, 1)), ["unsafe"]);
  t.equal(suggested([]), undefined);
  t.end();
});

void t.test("rdjson names the linter, and Lintel when there are several", (t) => {
  t.equal(rdjsonOf(sampleFiles()).source.name, "lintel");
  t.equal(rdjsonOf(sampleFiles().slice(0, 1)).source.name, "ruff");
  t.same(rdjsonOf(sampleFiles().slice(0, 1)).diagnostics[0]?.code, { value: "F401", url: "https://docs.astral.sh/ruff/rules/unused-import" });
  t.same(rdjsonOf(sampleFiles().slice(1, 2)).diagnostics.map(({ severity }) => severity), ["ERROR", "WARNING", "INFO", "INFO"]);
  t.end();
});

interface Issue {
  description: string;
  severity: string;
  fingerprint: string;
  location: { path: string; lines: { begin: number; end: number } };
}
const gitlabOf = (files: readonly FileReport[]): Issue[] => JSON.parse(renderGitlab(files)) as Issue[];

void t.test("gitlab has the documented shape", (t) => {
  for (const [name, files] of Object.entries(inputs)) {
    isGitlab(gitlabOf(files));
    t.same(isGitlab.errors ?? [], [], name);
  }
  t.notOk(isGitlab([{ description: "x" }]), "the schema does refuse what is not");
  t.end();
});

void t.test("gitlab's fingerprints are unique, and stay when lines move, other files come or other findings go", (t) => {
  const all = gitlabOf([...sampleFiles(), ...nastyFiles()]).map(({ fingerprint }) => fingerprint);
  t.equal(new Set(all).size, all.length);
  const twice = (lines: number[]) => gitlabOf([{ filename: "a.py", report: reportWith(lines.map((line) => diagnosticAt(line, 1))) }]).map(({ fingerprint }) => fingerprint);
  t.same(twice([10, 20]), twice([1, 2]));
  t.same(twice([7]), twice([1, 2]).slice(0, 1));
  const alone = gitlabOf(sampleFiles().slice(2)).map(({ fingerprint }) => fingerprint);
  t.same(all.slice(7, 9), alone);
  t.not(gitlabOf([{ filename: "b.py", report: reportWith([diagnosticAt(1, 1)]) }])[0]?.fingerprint, twice([1])[0]);
  t.end();
});

void t.test("gitlab gets severities it knows and whole lines", (t) => {
  t.same(gitlabOf(sampleFiles().slice(1, 2)).map(({ severity }) => severity), ["major", "minor", "info", "info"]);
  t.same(gitlabOf(sampleFiles().slice(2)).map(({ location }) => location.lines), [
    { begin: 3, end: 3 },
    { begin: 3, end: 3 },
  ]);
  t.end();
});

void t.test("json is every file's report with its name, and nothing is lost", (t) => {
  const files = [...sampleFiles(), ...nastyFiles()];
  const parsed = JSON.parse(renderJson(files)) as ({ filename: string } & Record<string, unknown>)[];
  t.same(parsed, files.map(({ filename, report }) => ({ filename, ...report })));
  for (const report of parsed) t.doesNotThrow(() => parseReport(JSON.stringify(report)));
  t.equal(renderJson([]), "[]\n");
  t.ok(nastyText.includes("\ud800"));
  t.end();
});
