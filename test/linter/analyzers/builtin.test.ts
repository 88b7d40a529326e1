/** What each built-in analyzer finds in small sources whose answer is known, and what it makes of options. */
import fc from "fast-check";
import t from "tap";
import type { Diagnostic } from "../../../src/formats/report.js";
import { Rejection, type Analyzer } from "../../../src/linter/analyzers/analyzer.js";
import { allowsComments } from "../../../src/linter/analyzers/json.js";
import { parseOptions } from "../../../src/linter/analyzers/options.js";
import { loadAnalyzer, type BuiltinLanguage } from "../../../src/linter/analyzers/registry.js";
import { compareDiagnostics } from "../../../src/linter/report-bytes.js";

const analyzers = new Map<BuiltinLanguage, Promise<Analyzer>>();

function analyzer(language: BuiltinLanguage): Promise<Analyzer> {
  const known = analyzers.get(language) ?? loadAnalyzer({ kind: "builtin", language });
  analyzers.set(language, known);
  return known;
}

async function analyze(language: BuiltinLanguage, text: string, options?: unknown, filename = ""): Promise<readonly Diagnostic[]> {
  const optionsText = options === undefined ? undefined : parseOptions(JSON.stringify(options));
  const found = await (await analyzer(language)).analyze({ bytes: Buffer.from(text), text, filename, options: optionsText });
  return [...found].sort(compareDiagnostics);
}

/** "rule line:column-line:column severity" of each. */
async function brief(language: BuiltinLanguage, text: string, options?: unknown, filename?: string): Promise<readonly string[]> {
  const found = await analyze(language, text, options, filename);
  return found.map(({ rule, severity, range: { start, end } }) => `${rule} ${start.line}:${start.column}-${end.line}:${end.column} ${severity}`);
}

async function refusal(language: BuiltinLanguage, options: unknown): Promise<string> {
  try {
    await analyze(language, "", options);
  } catch (error) {
    if (error instanceof Rejection) return error.message;
    throw error;
  }
  throw new Error("it was accepted");
}

void t.test("python: columns are UTF-16 code units without the byte order mark, whatever ends the lines", async (t) => {
  t.strictSame(await brief("python", "x = '😀😀'; print(y)\n", { select: ["F"] }), ["F821 1:19-1:20 error"]);
  t.strictSame(await brief("python", "\ufeffimport os\r\nimport sys\r\n", { select: ["F"] }), ["F401 1:8-1:10 warning", "F401 2:8-2:11 warning"]);
  t.strictSame(await brief("python", "def f(:\n"), ["invalid-syntax 1:7-1:8 error", "invalid-syntax 2:1-2:1 error"]);
  const [unused] = await analyze("python", "import os\n", { select: ["F401"] });
  t.match(unused, {
    url: "https://docs.astral.sh/ruff/rules/F401/",
    tags: ["unnecessary"],
    fixes: [{ safe: false, edits: [{ range: { start: { line: 1, column: 1 }, end: { line: 2, column: 1 } }, text: "" }] }],
  });
  const [broken] = await analyze("python", "def f(:\n");
  t.equal(broken?.url, undefined, "a syntax error has no page");
});

void t.test("python: options are ruff's, and what ruff does not know is named", async (t) => {
  const long = `x = "${"a".repeat(60)}"\n`;
  t.strictSame(await brief("python", long, { select: ["E501"], "line-length": 40 }), ["E501 1:41-1:67 warning"]);
  t.strictSame(await brief("python", "import os\n", { select: ["F"], ignore: ["F401"] }), []);
  t.match(await refusal("python", { select: ["XYZ99"] }), /ruff has no rule "XYZ99" \(option "select"\)/);
  t.match(await refusal("python", { "line-lenght": 9 }), /ruff has no option "line-lenght"/);
  t.match(await refusal("python", { "line-length": 0 }), /"line-length"/);
  t.match(await refusal("python", { extend: "/etc/passwd" }), /no option "extend"/);
});

void t.test("javascript: names of browsers and Node are known, the file's ending decides the dialect", async (t) => {
  t.strictSame(await brief("javascript", "console.log(document, process, nothing);\n"), ["no-undef 1:32-1:39 error"]);
  t.strictSame(await brief("javascript", "export const a = <b/>;\n", undefined, "dir/x.jsx"), []);
  t.match(await brief("javascript", "export const a = <b/>;\n", undefined, "x.js"), [/^syntax-error 1:18/]);
  t.strictSame(await brief("javascript", "with (a) {}\n", { globals: { a: true }, sourceType: "script" }, "x.js"), ["no-with 1:1-1:5 error", "no-empty 1:10-1:12 error"]);
  t.strictSame(await brief("javascript", "\ufeffvar 𠮷 = 1;\u2028nothing;\n"), ["no-unused-vars 1:5-1:7 error", "no-irregular-whitespace 1:12-2:1 error", "no-undef 2:1-2:8 error"]);
  t.strictSame(await brief("javascript", "/* eslint-disable no-undef */\n", { rules: {} }), ["unused-disable-directive 1:1-1:1 warning"]);
  t.strictSame(await brief("javascript", "nothing;\n", undefined, "node_modules/x.js"), ["no-undef 1:1-1:8 error"], "a folder in the name is of no account");
});

void t.test("javascript: fixes are safe, suggestions are not, both with positions and the rule's address", async (t) => {
  const [extra] = await analyze("javascript", "var a = 1;\nif (!!a) a;;\n", { rules: { "no-extra-boolean-cast": 2, "no-unused-expressions": 0 } });
  t.match(extra, { url: /eslint\.org.*no-extra-boolean-cast/, fixes: [{ safe: true, edits: [{ range: { start: { line: 2, column: 5 }, end: { line: 2, column: 8 } }, text: "a" }] }] });
  const [prototype] = await analyze("javascript", "window.hasOwnProperty('a');\n");
  t.match(prototype, { rule: "no-prototype-builtins", fixes: [{ safe: false, message: /Object\.prototype/ }] });
});

void t.test("javascript and typescript: options name rules, severities and globals, and nothing that could be loaded", async (t) => {
  t.strictSame(await brief("javascript", "a == b;\n", { rules: { eqeqeq: "warn", "no-undef": "off" } }), ["eqeqeq 1:3-1:5 warning"]);
  t.strictSame(await brief("typescript", "let a: any;\n", { rules: { "@typescript-eslint/no-explicit-any": 0, "no-var": 0 } }), ["@typescript-eslint/no-unused-vars 1:5-1:6 error"]);
  for (const [option, value] of Object.entries({ plugins: {}, extends: "x", parser: "x", languageOptions: {}, settings: {}, files: [] })) {
    t.match(await refusal("javascript", { [option]: value }), new RegExp(`no option "${option}"`));
  }
  t.match(await refusal("javascript", { rules: { "@typescript-eslint/no-explicit-any": 2 } }), /no rule/);
  t.match(await refusal("javascript", { rules: { toString: 2 } }), /no rule "toString"/);
  t.match(await refusal("typescript", { rules: { "@typescript-eslint/no-floating-promises": 2 } }), /needs type information/);
  t.match(await refusal("typescript", { rules: { eqeqeq: ["error", "maybe"] } }), /refused the options: .*eqeqeq/);
});

void t.test("typescript: the ending decides the dialect", async (t) => {
  t.strictSame(await brief("typescript", "export const a = <b/>;\n", undefined, "x.tsx"), []);
  t.match(await brief("typescript", "export const a = <b/>;\n", undefined, "x.ts"), [/^syntax-error/]);
  t.strictSame(await brief("typescript", "export declare const a: number;\n", undefined, "x.d.mts"), []);
  t.match(await analyze("typescript", "export let a: any;\n"), [{ rule: "@typescript-eslint/no-explicit-any", url: /typescript-eslint\.io/, fixes: [{ safe: false }, { safe: false }] }]);
});

void t.test("css: stylelint's findings, and source maps named in comments are left alone", async (t) => {
  t.strictSame(await brief("css", "\ufeffa { colr: RED; }\r\n"), ["property-no-unknown 1:5-1:9 error", "value-keyword-case 1:11-1:14 error"]);
  t.match(await analyze("css", "a { top: 0px; }\n"), [
    { rule: "length-zero-no-unit", message: "Unexpected unit", url: /stylelint\.io/, range: { start: { line: 1, column: 11 }, end: { line: 1, column: 13 } } },
  ]);
  t.strictSame(await brief("css", "a {\n"), ["CssSyntaxError 1:1-1:1 error"]);
  t.strictSame(await brief("css", "a { top: 0; }\n/*# sourceMappingURL=data:application/json;odd,x */\n"), ["comment-empty-line-before 2:1-2:52 error"]);
  t.strictSame(await brief("css", "a { colr: RED; }\n", { rules: { "property-no-unknown": null, "value-keyword-case": ["lower", { severity: "warning" }] } }), ["value-keyword-case 1:11-1:14 warning"]);
  t.match(await refusal("css", { rules: { "no-such": true } }), /no rule "no-such"/);
  t.match(await refusal("css", { rules: { "color-named": "perhaps" } }), /Invalid option value "perhaps" for rule "color-named"/);
  t.match(await refusal("css", { extends: "stylelint-config-standard" }), /no option "extends"/);
});

void t.test("json: a strict document has errors exactly when JSON.parse refuses it", async (t) => {
  const seed = Number(process.env["LINTEL_SEED"] ?? 20_250);
  const piece = fc.constantFrom("{", "}", "[", "]", ",", ":", '"a"', '"', "1", "-", "0", "1e", ".5", "e9", "true", "nul", " ", "\n", "\t", "\r", "//c\n", "/*c*/", "\\u12", "\\n", "'", "\u0001", "é", "\u00a0");
  const text = fc.oneof(fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join("")), fc.json());
  const analyzer_ = await analyzer("json");
  const valid = (text: string): boolean => {
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false;
    }
  };
  fc.assert(
    fc.property(text, (text) => {
      const found = analyzer_.analyze({ bytes: Buffer.from(text), text, filename: "x.json", options: undefined }) as readonly Diagnostic[];
      if ((found.length === 0) !== valid(text)) throw new Error(`${JSON.stringify(text)}: ${JSON.stringify(found)}`);
    }),
    { numRuns: 3_000, seed },
  );
  t.pass(`seed ${seed}`);
});

void t.test("json: all errors with positions; comments and trailing commas only where the file's readers take them", async (t) => {
  t.strictSame(await brief("json", '{"a" 1,\r\n "b": [1 2]}\n'), ["ColonExpected 1:6-1:7 error", "CommaExpected 2:10-2:11 error"]);
  t.strictSame(await brief("json", "// c\n[1,]\n"), ["InvalidCommentToken 1:1-1:5 error", "ValueExpected 2:4-2:5 error"]);
  t.strictSame(await brief("json", "// c\n[1,]\n", undefined, "tsconfig.base.json"), []);
  t.strictSame(await brief("json", "\ufeff{}"), []);
  for (const name of ["a.jsonc", "x/tsconfig.json", "jsconfig.json", ".eslintrc.json", ".babelrc", "p/.vscode/settings.json", "devcontainer.json", "a.code-workspace"]) t.ok(allowsComments(name), name);
  for (const name of ["", "a.json", "package.json", "mytsconfig.json", "tsconfig.json.bak", "settings.json"]) t.notOk(allowsComments(name), name);
  t.match(await refusal("json", { strict: true }), /no options/);
});

void t.test("yaml: all documents' errors and warnings", async (t) => {
  t.strictSame(await brief("yaml", "a: 1\na: 2\n---\nb: [\n---\n!!odd c\n"), ["DUPLICATE_KEY 2:1-2:2 error", "BAD_INDENT 5:1-5:2 error", "TAG_RESOLVE_FAILED 6:1-6:6 warning"]);
  t.strictSame(await brief("yaml", "\ufeffé: 😀\r\n  x: {\r\n"), await brief("yaml", "é: 😀\r\n  x: {\r\n"));
  t.strictSame(await brief("yaml", "a: 1\na: 2\n", { uniqueKeys: false }), []);
  t.match(await refusal("yaml", { version: "2.0" }), /"version"/);
  const bomb = ["a: &a [x, x]", ...Array.from({ length: 40 }, (_, level) => `${level}: &l${level} [*${level === 0 ? "a" : `l${level - 1}`}, *a]`)].join("\n");
  t.strictSame(await brief("yaml", bomb), []);
});

void t.test("options that repeat use what was built for them before", async (t) => {
  /** Of many, so that what else the machine does in between does not count. */
  const medianMs = async (optionsOf: (run: number) => unknown): Promise<number> => {
    const times: number[] = [];
    for (let run = 0; run < 31; run++) {
      const startMs = performance.now();
      await analyze("javascript", "", optionsOf(run));
      times.push(performance.now() - startMs);
    }
    return times.sort((a, b) => a - b)[15]!;
  };
  const repeated = { rules: { eqeqeq: 2 } };
  await analyze("javascript", "a;", repeated);
  const [repeatedMs, freshMs] = [await medianMs(() => repeated), await medianMs((run) => ({ rules: { eqeqeq: 2, "max-lines": [2, run + 1] } }))];
  t.ok(repeatedMs < freshMs, `${repeatedMs} ms, cheaper than options never seen: ${freshMs} ms`);
});
