/**
 * What our workers find in real files is what the tools themselves find: rule, line, column and severity, by each tool's own
 * public API, set up here without any of the analyzers' code. Files are those that are installed; every third one is also
 * taken cut off in the middle, because whole ones have no syntax errors.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import js from "@eslint/js";
import ruff from "@astral-sh/ruff-wasm-nodejs";
import { ESLint } from "eslint";
import globals from "globals";
import { parse, printParseErrorCode, type ParseError } from "jsonc-parser";
import stylelint from "stylelint";
import t, { type Test } from "tap";
import tseslint from "typescript-eslint";
import { parseAllDocuments } from "yaml";
import { repositoryRoot, startLinter } from "../support/linter-process.js";
import { schemaErrors } from "../support/report-schema.js";

// Half a minute of CPU when nothing else runs; other test files do.
t.setTimeout(110_000);

interface Sample {
  readonly name: string;
  readonly text: string;
}

/** "rule line:column severity". */
type Finding = string;
type Tool = (sample: Sample) => readonly Finding[] | Promise<readonly Finding[]>;

const nodeModules = join(repositoryRoot, "node_modules");
const pythonFolders = [join(nodeModules, "node-gyp"), "/usr/lib/python3.11", "/usr/lib/python3", "/usr/lib/node_modules", "/usr/local/lib/node_modules"];

function finding(rule: string, line: number, column: number, severity: "error" | "warning"): Finding {
  return `${rule} ${Math.max(1, line)}:${Math.max(1, column)} ${severity}`;
}

/** Small and medium files of these endings below the folders, evenly picked. Folders are read once. */
function samples(folders: readonly string[], endings: readonly string[], count: number): readonly Sample[] {
  const paths = folders.filter((folder) => existsSync(folder)).flatMap((folder) => filesBelow(folder, endings));
  const fitting = [...new Set(paths)].sort().filter((path) => sizeFits(path));
  const step = Math.max(1, fitting.length / count);
  const picked = Array.from({ length: Math.min(count, fitting.length) }, (_, index) => fitting[Math.floor(index * step)]!);
  const whole = picked.map((path) => ({ name: basename(path), text: readFileSync(path, "utf8") })).filter(({ text }) => !text.includes("\ufffd"));
  const cut = whole.filter((_, index) => index % 3 === 0).map(({ name, text }) => ({ name, text: text.slice(0, text.length / 2) }));
  return [...whole, ...cut];
}

function filesBelow(folder: string, endings: readonly string[]): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(path, endings);
    return entry.isFile() && endings.some((ending) => entry.name.endsWith(ending)) ? [path] : [];
  });
}

function sizeFits(path: string): boolean {
  const { size } = statSync(path);
  return size >= 100 && size <= 5_000;
}

async function compare(t: Test, language: string, files: readonly Sample[], tool: Tool): Promise<void> {
  const worker = await startLinter(language, "--threads", "1", "--analysis-timeout-ms", "30000");
  t.teardown(() => worker.stop());
  let found = 0;
  for (const sample of files) {
    const expected = [...(await tool(sample))].sort();
    const report = await worker.client.report({ source: sample.text, filename: sample.name });
    const actual = report.diagnostics.map(({ rule, severity, range: { start } }) => `${rule} ${start.line}:${start.column} ${severity}`).sort();
    const problems = schemaErrors(report);
    found += actual.length;
    if (problems !== "") t.fail(`${language}: the report on ${sample.name} does not fit its schema: ${problems}`);
    if (actual.join("\n") !== expected.join("\n")) t.strictSame(actual, expected, `${language}: ${sample.name}, ${sample.text.length} characters`);
  }
  t.ok(found >= files.length / 3, `${files.length} files, ${found} findings: enough to compare`);
}

function eslintTool(eslint: ESLint): Tool {
  return async ({ name, text }) => {
    const [result] = await eslint.lintText(text, { filePath: join(repositoryRoot, "parity", name) });
    return result!.messages.map(({ ruleId, fatal, severity, line, column }) =>
      finding(ruleId ?? (fatal === true ? "syntax-error" : "unused-disable-directive"), line, column, severity === 2 ? "error" : "warning"),
    );
  };
}

void t.test("javascript: as the ESLint class finds it", async (t) => {
  const overrideConfig = [js.configs.recommended, { languageOptions: { globals: { ...globals.browser, ...globals.node } } }];
  const eslint = new ESLint({ cwd: repositoryRoot, overrideConfigFile: true, overrideConfig });
  const files = samples([nodeModules], [".js", ".mjs", ".cjs"], 45);
  t.ok(files.length >= 50, "enough files");
  await compare(t, "javascript", files, eslintTool(eslint));
});

void t.test("typescript: as the ESLint class finds it with typescript-eslint", async (t) => {
  const overrideConfig = [js.configs.recommended, ...tseslint.configs.recommended] as ESLint.Options["overrideConfig"] & object;
  const eslint = new ESLint({ cwd: repositoryRoot, overrideConfigFile: true, overrideConfig });
  const files = samples([nodeModules, join(repositoryRoot, "src")], [".ts", ".mts", ".cts", ".tsx"], 45);
  t.ok(files.length >= 50, "enough files");
  await compare(t, "typescript", files, eslintTool(eslint));
});

void t.test("css: as stylelint.lint finds it", async (t) => {
  const files = samples([nodeModules], [".css"], 21);
  t.ok(files.length >= 20, "enough files");
  await compare(t, "css", files, async ({ text }) => {
    const { results } = await stylelint.lint({ code: text, config: { extends: "stylelint-config-standard" }, quietDeprecationWarnings: true });
    const { warnings, parseErrors } = results[0]!;
    return [
      ...warnings.map(({ rule, line, column, severity }) => finding(rule, line, column, severity)),
      ...parseErrors.map(({ line, column }) => finding("syntax-error", line, column, "error")),
    ];
  });
});

void t.test("python: as ruff finds it", async (t) => {
  const files = samples(pythonFolders, [".py"], 42);
  if (files.length === 0) {
    t.pass(`skipped: no Python files in ${pythonFolders.join(", ")}`);
    return;
  }
  t.ok(files.length >= 40, "enough files");
  const workspace = new ruff.Workspace({}, ruff.PositionEncoding.Utf16);
  await compare(t, "python", files, ({ text }) =>
    (workspace.check(text) as { code: string | null; start_location: { row: number; column: number } }[]).map(({ code, start_location: { row, column } }) => {
      const isError = code === null || ["invalid-syntax", "F821", "E902"].includes(code);
      return finding(code ?? "invalid-syntax", row, column, isError ? "error" : "warning");
    }),
  );
});

void t.test("json: as jsonc-parser finds it", async (t) => {
  const files = samples([nodeModules], [".json"], 50);
  t.ok(files.length >= 50, "enough files");
  await compare(t, "json", files, ({ name, text }) => {
    const lenient = /^(tsconfig.*\.json|\.eslintrc(\.json)?)$/.test(name);
    const errors: ParseError[] = [];
    parse(text, errors, { disallowComments: !lenient, allowTrailingComma: lenient, allowEmptyContent: lenient });
    return errors.map(({ error, offset }) => {
      const before = text.slice(0, offset).split(/\r\n|\r|\n/);
      return finding(printParseErrorCode(error), before.length, before.at(-1)!.length + 1, "error");
    });
  });
});

void t.test("yaml: as the yaml package finds it", async (t) => {
  const files = samples([nodeModules], [".yml", ".yaml"], 40);
  t.ok(files.length >= 20, "enough files");
  const broken = files.map(({ name, text }, index) => ({ name, text: `${text}\n${["a: [1", "\tb: 1", "x: 1\nx: 2", "'"][index % 4]!}\n` }));
  await compare(t, "yaml", [...files, ...broken], ({ text }) =>
    [...parseAllDocuments(text)].flatMap(({ errors, warnings }) => [
      ...errors.map(({ code, linePos }) => finding(code, linePos![0].line, linePos![0].col, "error")),
      ...warnings.map(({ code, linePos }) => finding(code, linePos![0].line, linePos![0].col, "warning")),
    ]),
  );
});
