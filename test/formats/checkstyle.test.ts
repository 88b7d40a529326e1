import { SaxesParser } from "saxes";
import t from "tap";
import { renderCheckstyle } from "../../src/formats/checkstyle.js";
import type { FileReport } from "../../src/formats/file-report.js";
import { diagnosticAt, nastyFiles, nastyNames, nastyText, reportWith, sampleFiles } from "../support/sample-reports.js";

interface Element {
  name: string;
  attributes: Record<string, string>;
}

/** What a conforming parser reads: every element with its attributes; throws on what is not well-formed. */
function elementsOf(files: readonly FileReport[]): Element[] {
  const parser = new SaxesParser();
  const elements: Element[] = [];
  parser.on("error", (error) => {
    throw error;
  });
  parser.on("opentag", ({ name, attributes }) => elements.push({ name, attributes }));
  // Through bytes, as a reader gets it: a half of a surrogate pair would not survive that.
  parser.write(Buffer.from(renderCheckstyle(files), "utf8").toString("utf8")).close();
  return elements;
}

void t.test("the samples come out as files with errors in them", (t) => {
  t.same(elementsOf(sampleFiles()).slice(0, 5), [
    { name: "checkstyle", attributes: { version: "4.3" } },
    { name: "file", attributes: { name: "src/greet.py" } },
    { name: "error", attributes: { line: "1", column: "8", severity: "warning", message: "`os` imported but unused", source: "ruff.F401" } },
    { name: "error", attributes: { line: "6", column: "23", severity: "error", message: "Undefined name `nmae`", source: "ruff.F821" } },
    { name: "error", attributes: { line: "7", column: "16", severity: "warning", message: "Comparison to `None` should be `cond is None`", source: "ruff.E711" } },
  ]);
  t.same(elementsOf(sampleFiles().slice(1, 2)).slice(2).map(({ attributes }) => attributes["severity"]), ["error", "warning", "info", "info"]);
  t.end();
});

void t.test("every character XML can carry comes back, the others as U+FFFD", (t) => {
  // eslint-disable-next-line no-control-regex -- these are the characters meant
  const readable = nastyText.replace(/[\u0000\u0007\u001b\ufffe]|\ud800/g, "\ufffd");
  const elements = elementsOf(nastyFiles());
  t.equal(elements.find(({ name }) => name === "error")?.attributes["message"], readable);
  t.same(
    elements.filter(({ name }) => name === "file").map(({ attributes }) => attributes["name"]),
    nastyNames.map((name) => (name === "-" || name === "" ? "<stdin>" : name.replace("\u001b", "\ufffd").replace("\ud800", "\ufffd"))),
  );
  t.end();
});

void t.test("all of the first 65,536 characters make well-formed XML", (t) => {
  for (let from = 0; from < 0x10000; from += 0x1000) {
    const message = Array.from({ length: 0x1000 }, (_, at) => `${String.fromCharCode(from + at)}.`).join("");
    elementsOf([{ filename: "a", report: reportWith([diagnosticAt(1, 1, { message })]) }]);
  }
  t.pass("no parse error");
  t.end();
});

void t.test("a clean file is listed, no file is an empty document", (t) => {
  t.same(elementsOf([{ filename: "a.py", report: reportWith([]) }]).map(({ name }) => name), ["checkstyle", "file"]);
  t.same(elementsOf([]).map(({ name }) => name), ["checkstyle"]);
  t.end();
});
