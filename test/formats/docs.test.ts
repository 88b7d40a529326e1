import { readFileSync, writeFileSync } from "node:fs";
import t from "tap";
import type { FileReport } from "../../src/formats/file-report.js";
import { formatNamed, formats } from "../../src/formats/formats.js";
import { renderPretty } from "../../src/formats/pretty.js";
import { summarize } from "../../src/formats/report.js";
import { sampleFiles, sampleSource } from "../support/sample-reports.js";

const page = new URL("../../../docs/formats.md", import.meta.url);
const indented = new Set(["json", "sarif", "rdjson", "gitlab"]);

/** The JSON formats show one finding: all of them would be pages. */
function example(name: string): string {
  const [file] = sampleFiles() as [FileReport];
  if (name === "source") return sampleSource("greet.py");
  if (name === "pretty") return renderPretty([file], { color: false });
  const format = formatNamed(name);
  if (format === undefined) throw new Error(`no format ${name}`);
  if (!indented.has(name)) return format.render([file]);
  const diagnostics = file.report.diagnostics.slice(0, 1);
  const short = { ...file, report: { ...file.report, diagnostics, summary: summarize(diagnostics) } };
  return `${JSON.stringify(JSON.parse(format.render([short])), null, 2)}\n`;
}

void t.test("the examples in docs/formats.md are what comes out", (t) => {
  const text = readFileSync(page, "utf8");
  const shown: string[] = [];
  const written = text.replace(/(<!-- example: (\w+) -->\n```\w+\n)(.*?)(```\n)/gs, (_, head: string, name: string, body: string, tail: string) => {
    shown.push(name);
    if (process.env["LINTEL_UPDATE_DOCS"] === undefined) t.equal(body, example(name), name);
    return head + example(name) + tail;
  });
  if (process.env["LINTEL_UPDATE_DOCS"] !== undefined) writeFileSync(page, written);
  t.same(new Set(shown), new Set(["source", "pretty", ...formats.map(({ name }) => name)]), "every format has one");
  for (const { name, mediaType } of formats) t.ok(text.includes(`| \`${name}\` |`) && text.includes(`\`${mediaType}\``), `${name} is in the table`);
  t.end();
});
