import fc from "fast-check";
import t from "tap";
import { parseConfiguration } from "../../src/snapshot/configuration.js";
import { fullFile } from "../support/configuration-files.js";

const seed = Number(process.env["LINTEL_TEST_SEED"] ?? 20_262);

/** Pieces that mean something to YAML or to the schema, so that mutations get past the first character. */
const pieces = [
  "", " ", "\n", "\n  ", "\t", ":", ": ", "- ", "[", "]", "{", "}", ",", "#", '"', "'", "&a ", "*a", "!!int ", "|\n", ">\n", "? ", "---\n", "...\n", "%YAML 1.2\n", "\0", "\r\n", "\uFEFF", "\uD800", "é",
  "null", "true", "-1", "0.90", "1e999", ".nan", "0x10", "9007199254740993", "<<: *a\n", "__proto__: 1\n", "constructor: 1\n", "toString", "languages:\n", "versions:\n", "weight: ", "run: { builtin: css }\n", "workers: [h:1]\n",
] as const;

const edit = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), remove: fc.nat({ max: 12 }), insert: fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 4 })) });

function mutate(text: string, edits: readonly { at: number; remove: number; insert: string }[]): string {
  return edits.reduce((current, { at, remove, insert }) => {
    const start = Math.floor(at * current.length);
    return current.slice(0, start) + insert + current.slice(start + remove);
  }, text);
}

/** Whether the file is valid; throws when the answer is not one an operator could use. */
function judge(text: string): boolean {
  const result = parseConfiguration(text, "f");
  if (result.kind === "valid") {
    structuredClone(result.configuration);
    return true;
  }
  const lines = text.split("\n").length;
  if (result.problems.length === 0) throw new Error("refused without a problem");
  for (const { line, column, message } of result.problems) {
    if (line < 1 || line > lines || column < 1) throw new Error(`${line}:${column} is not in a file of ${lines} lines: ${message}`);
    if (message === "" || message.includes("\n") || message.includes("undefined") || message.startsWith("Invalid input")) throw new Error(`not a sentence for people: ${message}`);
  }
  return false;
}

void t.test(`a mutated file is valid or has problems with a place in it (seed ${seed})`, (t) => {
  let refused = 0;
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
      if (!judge(mutate(fullFile, edits))) refused += 1;
    }),
    { seed, numRuns: 500 },
  );
  t.ok(refused > 150, `${refused} of 500 mutations were refused`);
  t.end();
});

void t.test(`a value replaced by any other is valid or has problems with a place in the file (seed ${seed})`, (t) => {
  const keys = ["http", "admin", "shards", "limits", "languages", "listen", "cors", "versions", "version", "weight", "workers", "run", "command", "builtin", "environment", "extensions", "spill", "py", "deadlineMs"];
  const { tree } = fc.letrec((tie) => ({
    leaf: fc.oneof(fc.constantFrom("a:1", "10s", "1MiB", "python", ".py", "", null, true, 0, 1.5, -1), fc.string({ maxLength: 5 }), fc.integer()),
    tree: fc.oneof({ depthSize: "medium", withCrossShrink: true }, tie("leaf"), fc.array(tie("tree"), { maxLength: 3 }), fc.dictionary(fc.constantFrom(...keys), tie("tree"), { maxKeys: 5 })),
  }));
  fc.assert(fc.property(fc.dictionary(fc.constantFrom(...keys), tree, { minKeys: 1, maxKeys: 5 }), (file) => void judge(JSON.stringify(file, null, 1))), { seed, numRuns: 400 });
  t.end();
});

void t.test(`arbitrary text is valid or has problems with a place in it (seed ${seed})`, (t) => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.array(fc.constantFrom(...pieces)).map((all) => all.join(""))), (text) => void judge(text)), { seed, numRuns: 500 });
  t.end();
});
