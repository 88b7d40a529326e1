import { Ajv, type ValidateFunction } from "ajv";
import addFormats from "ajv-formats";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import t from "tap";
import { renderSarif } from "../../src/formats/sarif.js";
import { diagnosticAt, nastyFiles, reportWith, sampleFiles, sampleSource } from "../support/sample-reports.js";

interface Region {
  startLine: number;
  startColumn: number;
  endLine: number;
  endColumn: number;
}
interface Sarif {
  version: string;
  runs: {
    tool: { driver: { name: string; version: string; rules: { id: string; helpUri?: string }[] } };
    columnKind: string;
    artifacts: { location: { uri: string }; sourceLanguage: string }[];
    results: {
      ruleId: string;
      ruleIndex: number;
      level: string;
      message: { text: string };
      locations: { physicalLocation: { artifactLocation: { uri: string; index: number }; region: Region } }[];
      partialFingerprints: Record<string, string>;
      fixes?: { description: { text: string }; artifactChanges: { replacements: { deletedRegion: Region; insertedContent: { text: string } }[] }[] }[];
      properties: { severity: string; tags?: string[] };
    }[];
  }[];
}

/** The standard's own schema, as an npm package ships it. It says draft-04, but uses nothing that changed since but "id". */
function officialSchema(): ValidateFunction {
  const path = createRequire(import.meta.url).resolve("@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json");
  const { id, ...schema } = JSON.parse(readFileSync(path, "utf8")) as { id: string };
  const ajv = new Ajv({ allErrors: true, strict: false, unicodeRegExp: false });
  addFormats.default(ajv);
  return ajv.compile({ ...schema, $id: id, $schema: "http://json-schema.org/draft-07/schema#" });
}

const isSarif = officialSchema();
const sarifOf = (files: Parameters<typeof renderSarif>[0]): Sarif => JSON.parse(renderSarif(files)) as Sarif;

void t.test("what comes out is SARIF 2.1.0 by the official schema", (t) => {
  const inputs = { samples: sampleFiles(), nasty: nastyFiles(), "no files": [], "no findings": [{ filename: "a.py", report: reportWith([]) }] };
  for (const [name, files] of Object.entries(inputs)) {
    isSarif(sarifOf(files));
    t.same(isSarif.errors ?? [], [], name);
  }
  t.notOk(isSarif({ version: "2.1.0", runs: [{ tool: { driver: {} } }] }), "the schema does refuse what is not");
  t.notOk(isSarif({ version: "2.1.0", runs: [{ tool: { driver: { name: "x" } }, results: [{ message: { text: "" }, locations: [{ physicalLocation: { artifactLocation: { uri: "a b" } } }] }] }] }), "and its formats are checked");
  t.end();
});

void t.test("each linter has one run, in UTF-16 columns, with its files as artifacts", (t) => {
  const files = [...sampleFiles(), { filename: "second.py", report: reportWith([]) }];
  const { runs } = sarifOf(files);
  t.same(
    runs.map(({ tool, columnKind, artifacts }) => [tool.driver.name, tool.driver.version, columnKind, artifacts.map(({ location }) => location.uri)]),
    [
      ["ruff", "0.17.3", "utf16CodeUnits", ["src/greet.py", "second.py"]],
      ["eslint", "10.15.0", "utf16CodeUnits", ["src/sum.ts"]],
      ["jsonc-parser", "3.3.1", "utf16CodeUnits", ["src/broken.json"]],
    ],
  );
  t.end();
});

void t.test("a region cuts the reported text out of the source, and a fix is the edit", (t) => {
  const [python] = sampleFiles();
  const lines = sampleSource("greet.py").split("\n");
  const [run] = sarifOf([python!]).runs;
  const cut = ({ startLine, startColumn, endLine, endColumn }: Region): string | undefined => (startLine === endLine ? lines[startLine - 1]?.slice(startColumn - 1, endColumn - 1) : undefined);
  t.same(run!.results.map(({ ruleId, locations }) => [ruleId, cut(locations[0]!.physicalLocation.region)]), [
    ["F401", "os"],
    ["F821", "nmae"],
    ["E711", "None"],
  ]);
  const replacement = run!.results[2]!.fixes![0]!.artifactChanges[0]!.replacements[0]!;
  t.equal(cut(replacement.deletedRegion), "name == None");
  t.equal(replacement.insertedContent.text, "name is None");
  t.same(run!.results[0]!.fixes![0]!.artifactChanges[0]!.replacements[0]!.deletedRegion, { startLine: 1, startColumn: 1, endLine: 2, endColumn: 1 });
  t.end();
});

void t.test("rules are listed once, with their documentation, and results point at them", (t) => {
  const [, typescript] = sampleFiles();
  const [run] = sarifOf([typescript!, { ...typescript!, filename: "again.ts" }]).runs;
  t.equal(run!.tool.driver.rules.length, 4);
  t.equal(run!.results.length, 8);
  for (const { ruleId, ruleIndex } of run!.results) t.equal(run!.tool.driver.rules[ruleIndex]?.id, ruleId);
  t.equal(run!.tool.driver.rules[0]?.helpUri, "https://eslint.org/docs/latest/rules/prefer-const");
  const late = sarifOf([{ filename: "a", report: reportWith([diagnosticAt(1, 1), diagnosticAt(2, 1, { url: "https://example.org/r" })]) }]);
  t.same(late.runs[0]!.tool.driver.rules, [{ id: "R1", helpUri: "https://example.org/r" }], "a later finding may bring the link");
  t.end();
});

void t.test("severities become levels, and the report's own word is kept", (t) => {
  const [, typescript] = sampleFiles();
  t.same(sarifOf([typescript!]).runs[0]!.results.map(({ level, properties }) => [level, properties.severity]), [
    ["error", "error"],
    ["warning", "warning"],
    ["note", "hint"],
    ["note", "info"],
  ]);
  t.end();
});

void t.test("file names become URI references that decode to the name", (t) => {
  const uriOf = (filename: string): string => sarifOf([{ filename, report: reportWith([diagnosticAt(1, 1)]) }]).runs[0]!.results[0]!.locations[0]!.physicalLocation.artifactLocation.uri;
  t.equal(uriOf("a b/c%20d.py"), "a%20b/c%2520d.py");
  t.equal(uriOf("/abs/文.py"), "file:///abs/%E6%96%87.py");
  t.equal(uriOf("c:d.py"), "c%3Ad.py");
  t.equal(uriOf("../x.py"), "../x.py");
  t.equal(uriOf("-"), "%3Cstdin%3E");
  t.equal(uriOf("half\ud800.py"), "half%EF%BF%BD.py");
  t.end();
});

void t.test("fingerprints are unique and do not change when the finding moves", (t) => {
  const printsOf = (lines: number[]): string[] => sarifOf([{ filename: "a", report: reportWith(lines.map((line) => diagnosticAt(line, 1))) }]).runs[0]!.results.map((result) => result.partialFingerprints["lintel/v1"]!);
  const before = printsOf([1, 5]);
  t.not(before[0], before[1]);
  t.same(printsOf([101, 105]), before);
  t.end();
});
