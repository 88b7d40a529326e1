/** What the readers of program output make of real output of the formats, and of what only looks like it. */
import fc from "fast-check";
import t from "tap";
import { placeFindings } from "../../../../src/linter/analyzers/command/findings.js";
import { readOutput } from "../../../../src/linter/analyzers/command/read-output.js";
import type { ReportFormat } from "../../../../src/linter/analyzers/command/settings.js";
import { LineIndex } from "../../../../src/linter/line-index.js";

interface Said {
  readonly format?: ReportFormat;
  readonly code?: number;
  readonly stderr?: string;
}

function read(stdout: string | object, { format = "auto", code = 1, stderr = "" }: Said = {}, source = ""): readonly unknown[] {
  const text = typeof stdout === "string" ? stdout : JSON.stringify(stdout);
  const findings = readOutput({ name: "tool", code, stdout: text, stderr, format });
  const lines = new LineIndex(source === "" ? `${" ".repeat(200)}\n`.repeat(200) : source, "crlf");
  return placeFindings(findings, lines);
}

function at(line: number, column: number, endLine = line, endColumn = column): object {
  return { start: { line, column }, end: { line: endLine, column: endColumn } };
}

void t.test("lines: with and without column, severity word, rule before or behind, and other text between", (t) => {
  const text = [
    "Checking input.x …",
    "input.x:3:7: warning: unused variable 'a' [-Wunused]",
    "    int a;",
    "input.x:4:1: E501 line too long (90 > 79 characters)",
    "input.x:5: error: no column",
    "/tmp/dir/input.x:6:2 - note: a dash between",
    "C:\\x\\input.x:7:8: hint: a drive letter (some-rule)",
    "input.yml:8:9: [error] too many blank lines (empty-lines)",
    "2 problems",
  ].join("\n");
  t.strictSame(read(text), [
    { rule: "-Wunused", severity: "warning", message: "unused variable 'a'", range: at(3, 7) },
    { rule: "E501", severity: "warning", message: "line too long (90 > 79 characters)", range: at(4, 1) },
    { rule: "finding", severity: "error", message: "no column", range: at(5, 1) },
    { rule: "finding", severity: "info", message: "a dash between", range: at(6, 2) },
    { rule: "some-rule", severity: "hint", message: "a drive letter", range: at(7, 8) },
    { rule: "empty-lines", severity: "error", message: "too many blank lines", range: at(8, 9) },
  ]);
  t.end();
});

void t.test("ESLint's JSON", (t) => {
  const messages = [
    { ruleId: "no-undef", severity: 2, message: "m", line: 2, column: 3, endLine: 2, endColumn: 9 },
    { ruleId: null, fatal: true, severity: 2, message: "Parsing error", line: 1, column: 1 },
    { ruleId: "x", severity: 1, message: "w", line: 0, column: 0 },
  ];
  t.strictSame(read([{ filePath: "a", messages }]), [
    { rule: "no-undef", severity: "error", message: "m", range: at(2, 3, 2, 9) },
    { rule: "syntax-error", severity: "error", message: "Parsing error", range: at(1, 1) },
    { rule: "x", severity: "warning", message: "w", range: at(1, 1) },
  ]);
  t.strictSame(read([], { code: 0 }), []);
  t.end();
});

void t.test("shellcheck's json1: levels, wiki addresses, fixes, and columns that count characters", (t) => {
  const comments = [
    { file: "-", line: 1, endLine: 1, column: 8, endColumn: 10, level: "info", code: 2086, message: "Quote.", fix: { replacements: [{ line: 1, endLine: 1, column: 8, endColumn: 8, replacement: '"' }] } },
    { file: "-", line: 1, endLine: 1, column: 1, endColumn: 1, level: "style", code: 2250, message: "Style.", fix: null },
  ];
  t.strictSame(read({ comments }, {}, "echo 😀 $a\n"), [
    { rule: "SC2086", severity: "info", message: "Quote.", range: at(1, 9, 1, 11), url: "https://www.shellcheck.net/wiki/SC2086", fixes: [{ message: "Quote.", safe: false, edits: [{ range: at(1, 9), text: '"' }] }] },
    { rule: "SC2250", severity: "hint", message: "Style.", range: at(1, 1), url: "https://www.shellcheck.net/wiki/SC2250" },
  ]);
  t.strictSame(read({ comments: [] }, { code: 0 }), []);
  t.end();
});

void t.test("SARIF: levels from result or rule, regions without ends, help addresses, messages by name, fixes, suppressions", (t) => {
  const physicalLocation = (region?: object): object[] => [{ physicalLocation: { artifactLocation: { uri: "x" }, ...(region === undefined ? {} : { region }) } }];
  const run = {
    tool: { driver: { name: "x", rules: [{ id: "R1", helpUri: "https://example.org/R1", defaultConfiguration: { level: "note" }, messageStrings: { default: { text: "Do {0} not {1}." } } }] } },
    results: [
      { ruleId: "R1", message: { id: "default", arguments: ["a", "b"] }, locations: physicalLocation({ startLine: 2, startColumn: 3 }) },
      { ruleId: "R2", level: "error", message: { text: "m" }, locations: physicalLocation({ startLine: 1, startColumn: 2, endLine: 3, endColumn: 4 }) },
      { rule: { index: 0 }, message: { text: "by index" }, locations: physicalLocation() },
      { ruleId: "R3", message: { text: "hidden" }, suppressions: [{ kind: "inSource" }] },
      {
        ruleId: "R4",
        message: { text: "fixable" },
        locations: physicalLocation({ startLine: 1 }),
        fixes: [{ description: { text: "mend" }, artifactChanges: [{ artifactLocation: { uri: "x" }, replacements: [{ deletedRegion: { startLine: 1, startColumn: 1, endColumn: 2 }, insertedContent: { text: "y" } }] }] }],
      },
    ],
  };
  t.strictSame(read({ version: "2.1.0", runs: [run] }, {}, "0123456789\n0123456789\n0123456789"), [
    { rule: "R1", severity: "info", message: "Do a not b.", range: at(2, 3, 2, 11), url: "https://example.org/R1" },
    { rule: "R2", severity: "error", message: "m", range: at(1, 2, 3, 4) },
    { rule: "R1", severity: "info", message: "by index", range: at(1, 1), url: "https://example.org/R1" },
    { rule: "R4", severity: "warning", message: "fixable", range: at(1, 1, 1, 11), fixes: [{ message: "mend", safe: false, edits: [{ range: at(1, 1, 1, 2), text: "y" }] }] },
  ]);
  const characters = { ...run, columnKind: "unicodeCodePoints", results: [{ ruleId: "R", message: { text: "m" }, locations: physicalLocation({ startLine: 1, startColumn: 2, endColumn: 3 }) }] };
  t.match(read({ runs: [characters] }, {}, "😀😀"), [{ range: at(1, 3, 1, 5) }]);
  t.end();
});

void t.test("positions that do not exist are moved to the nearest that do", (t) => {
  t.match(read("x:99:99: m\n", {}, "ab\ncd"), [{ range: at(2, 3) }]);
  t.end();
});

void t.test("silence is nothing found with exit code 0, an error otherwise, unless standard error has the findings", (t) => {
  t.strictSame(read("", { code: 0, stderr: "note" }), []);
  t.match(read("  \n", { code: 2, stderr: "input.sh: line 1\ninput.sh:1:2: syntax error\n" }), [{ message: "syntax error" }]);
  t.throws(() => read("", { code: 1, stderr: "cannot do this\nreally" }), { message: /exit code 1 and no output that can be read; it said: cannot do this\./ });
  t.throws(() => read("", { code: 1, format: "sarif" }), { message: /exit code 1/ });
  t.end();
});

void t.test("output that cannot be read is an error that quotes it, never nothing found", (t) => {
  t.throws(() => read("All good.", { code: 0 }), { message: /nothing of the form "file:line:column: message"; it said: All good\./ });
  t.strictSame(read("All good.", { code: 0, format: "lines" }), [], "unless lines were asked for");
  t.throws(() => read("All bad.", { code: 1, format: "lines" }), { message: /nothing of the form/ });
  t.throws(() => read("{", { format: "sarif" }), { message: /was to print sarif output, but what it printed is not JSON/ });
  t.throws(() => read({ a: 1 }), { message: /not SARIF, ESLint's or shellcheck's/ });
  t.throws(() => read([{ messages: [] }], { format: "shellcheck" }), { message: /JSON that is not shellcheck/ });
  t.throws(() => read({ comments: [] }, { code: 4, stderr: "bad option" }), { message: /exit code 4 and no findings; it said: bad option/ });
  t.match(read("x:1:1: m", { code: 4 }), [{ message: "m" }], "with findings any exit code will do");
  t.end();
});

void t.test("whatever a program prints, a reader gives findings or an error, and findings lie within the source", (t) => {
  const seed = Number(process.env["LINTEL_SEED"] ?? 4_711);
  const value = fc.letrec((tie) => ({
    any: fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.array(tie("any"), { maxLength: 3 }), tie("object")),
    object: fc.dictionary(fc.constantFrom("runs", "results", "messages", "comments", "locations", "physicalLocation", "region", "startLine", "code", "level", "fix", "replacements", "message", "text", "line"), tie("any"), { maxKeys: 5 }),
  })).any;
  let readable = 0;
  fc.assert(
    fc.property(fc.oneof(fc.string(), value.map((one) => JSON.stringify(one)), fc.string().map((text) => `x:1:${text}: ${text}`)), fc.nat({ max: 3 }), (stdout, code) => {
      let found: readonly unknown[];
      try {
        found = read(stdout, { code }, "ab\ncd");
      } catch (error) {
        if ((error as Error).message.startsWith("tool ")) return;
        throw error;
      }
      readable++;
      for (const { range } of found as { range: { start: { line: number; column: number } } }[]) {
        if (!(range.start.line >= 1 && range.start.line <= 2 && range.start.column >= 1 && range.start.column <= 3)) throw new Error(JSON.stringify(range));
      }
    }),
    { numRuns: 2_000, seed },
  );
  t.ok(readable > 50, `seed ${seed}, ${readable} readable`);
  t.end();
});
