import t from "tap";
import { formats } from "../../src/formats/formats.js";
import { renderGithub } from "../../src/formats/github.js";
import { renderPretty } from "../../src/formats/pretty.js";
import { renderText } from "../../src/formats/text.js";
import { diagnosticAt, nastyFiles, reportWith, sampleFiles } from "../support/sample-reports.js";

// eslint-disable-next-line no-control-regex -- these are the characters meant
const dangerous = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]|\p{Surrogate}/u;

void t.test("text is one grep-able line a finding", (t) => {
  t.equal(
    renderText(sampleFiles().slice(0, 1)),
    "src/greet.py:1:8: warning F401 `os` imported but unused\nsrc/greet.py:6:23: error F821 Undefined name `nmae`\nsrc/greet.py:7:16: warning E711 Comparison to `None` should be `cond is None`\n",
  );
  t.equal(renderText([]), "");
  t.equal(renderText([{ filename: "a.py", report: reportWith([]) }]), "");
  t.equal(renderText([{ filename: "-", report: reportWith([diagnosticAt(1, 2)]) }]), "<stdin>:1:2: warning R1 something\n");
  t.end();
});

void t.test("nothing in a name or a message can move the cursor, hide text or add a line", (t) => {
  const count = nastyFiles().reduce((sum, { report }) => sum + report.diagnostics.length, 0);
  for (const [name, output] of Object.entries({
    text: renderText(nastyFiles()),
    github: renderGithub(nastyFiles()),
  })) {
    t.notMatch(output, dangerous, name);
    t.equal(output.split("\n").length - 1, count, `${name}: one line a finding`);
  }
  t.notMatch(renderPretty(nastyFiles(), { color: false }), dangerous, "pretty");
  t.match(renderText(nastyFiles()), "\\x1b[31m", "what was there stays visible");
  t.match(renderText(nastyFiles()), "\\u{202e}abc");
  t.end();
});

/** Reads a workflow command as the runner does: properties split at ",", then unescaped; then the message. */
function readCommand(line: string): { command: string; properties: Record<string, string>; message: string } {
  const [, command = "", rest = "", message = ""] = /^::([a-z]+) ([^:]*)::(.*)$/.exec(line) ?? [];
  const decode = (text: string): string => text.replaceAll("%0D", "\r").replaceAll("%0A", "\n").replaceAll("%3A", ":").replaceAll("%2C", ",").replaceAll("%25", "%");
  const decodeMessage = (text: string): string => text.replaceAll("%0D", "\r").replaceAll("%0A", "\n").replaceAll("%25", "%");
  const properties = Object.fromEntries(rest.split(",").map((pair) => [pair.slice(0, pair.indexOf("=")), decode(pair.slice(pair.indexOf("=") + 1))]));
  return { command, properties, message: decodeMessage(message) };
}

void t.test("github annotations read back as what they were", (t) => {
  const [typescript] = sampleFiles().slice(1, 2);
  const commands = renderGithub([typescript!]).trimEnd().split("\n").map(readCommand);
  t.same(commands.map(({ command }) => command), ["error", "warning", "notice", "notice"]);
  t.same(commands[1], {
    command: "warning",
    properties: { file: "src/sum.ts", line: "2", endLine: "2", col: "5", endColumn: "11", title: "eslint (@typescript-eslint/no-unused-vars)" },
    message: "'unused' is assigned a value but never used.",
  });
  const awkward = renderGithub([{ filename: "100%25,a:b.py", report: reportWith([diagnosticAt(1, 1, { message: "a: 50%\nb, c::d%0A" })]) }]);
  t.equal(readCommand(awkward.trimEnd()).properties["file"], "100%25,a:b.py");
  t.equal(readCommand(awkward.trimEnd()).message, "a: 50%\nb, c::d%0A");
  t.end();
});

void t.test("github annotations over several lines carry no columns", (t) => {
  const output = renderGithub([{ filename: "a", report: reportWith([diagnosticAt(1, 1, { range: { start: { line: 1, column: 3 }, end: { line: 4, column: 2 } } })]) }]);
  t.equal(output, "::warning file=a,line=1,endLine=4,title=ruff (R1)::something\n");
  t.end();
});

void t.test("pretty groups by file, aligns and counts", (t) => {
  t.equal(
    renderPretty([...sampleFiles(), { filename: "clean.py", report: reportWith([]) }], { color: false }),
    [
      "src/greet.py",
      "   1:8  warning  F401  `os` imported but unused",
      "  6:23  error    F821  Undefined name `nmae`",
      "  7:16  warning  E711  Comparison to `None` should be `cond is None`",
      "",
      "src/sum.ts",
      "   1:5  error    prefer-const                        'total' is never reassigned. Use 'const' instead.",
      "   2:5  warning  @typescript-eslint/no-unused-vars   'unused' is assigned a value but never used.",
      "  3:29  hint     @typescript-eslint/no-explicit-any  Unexpected any. Specify a different type.",
      "   4:3  info     no-debugger                         Unexpected 'debugger' statement.",
      "",
      "src/broken.json",
      "  3:17  error  syntax-error  Value expected",
      "  3:19  error  syntax-error  Value expected",
      "",
      "✖ 9 problems in 4 files (4 errors, 3 warnings, 1 info, 1 hint), 4 with a fix",
      "",
    ].join("\n"),
  );
  t.equal(renderPretty([{ filename: "a.py", report: reportWith([]) }], { color: false }), "✔ no problems in 1 file\n");
  t.end();
});

void t.test("pretty colours on request, and only then", (t) => {
  const coloured = renderPretty(sampleFiles(), { color: true });
  t.match(coloured, "\u001b[31merror");
  // eslint-disable-next-line no-control-regex -- these are the characters meant
  t.equal(coloured.replace(/\u001b\[\d+m/g, ""), renderPretty(sampleFiles(), { color: false }));
  t.end();
});

void t.test("fifty thousand findings are rendered in every format", (t) => {
  const report = reportWith(Array.from({ length: 50_000 }, (_, at) => diagnosticAt(at + 1, 1, { rule: `R${at % 500}`, message: `finding ${at}` })));
  const files = [{ filename: "a.py", report }];
  for (const format of formats) t.ok(format.render(files).includes("finding 49999"), format.name);
  t.match(renderPretty(files, { color: false }), "50000 problems in 1 file");
  t.end();
});
