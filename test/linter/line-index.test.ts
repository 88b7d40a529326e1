import fc from "fast-check";
import t from "tap";
import { LineIndex, type LineBreaks } from "../../src/linter/line-index.js";

const terminators: Record<LineBreaks, readonly string[]> = {
  lf: ["\n"],
  crlf: ["\r\n", "\n", "\r"],
  ecmascript: ["\r\n", "\n", "\r", "\u2028", "\u2029"],
};

/** The dumb version: walks from the start. */
function positionOf(text: string, offset: number, breaks: LineBreaks): { line: number; column: number } {
  let line = 1;
  let start = 0;
  for (let at = 0; at < text.length; ) {
    const terminator = terminators[breaks].find((one) => text.startsWith(one, at));
    const next = at + (terminator?.length ?? 1);
    if (next > offset) break;
    if (terminator !== undefined) {
      line++;
      start = next;
    }
    at = next;
  }
  return { line, column: offset - start + 1 };
}

void t.test("every offset of every text has the position that walking there gives", (t) => {
  const text = fc.string({ unit: fc.constantFrom("a", "\n", "\r", "\u2028", "😀") });
  fc.assert(
    fc.property(text, fc.constantFrom<LineBreaks>("lf", "crlf", "ecmascript"), (text, breaks) => {
      const index = new LineIndex(text, breaks);
      for (let offset = 0; offset <= text.length; offset++) {
        const expected = positionOf(text, offset, breaks);
        const actual = index.at(offset);
        if (actual.line !== expected.line || actual.column !== expected.column) throw new Error(`offset ${offset} of ${JSON.stringify(text)} (${breaks})`);
      }
    }),
    { numRuns: 300 },
  );
  t.end();
});

void t.test("offsets outside the text are moved to its ends, and a range never ends before it starts", (t) => {
  const index = new LineIndex("ab\nc", "lf");
  t.strictSame(index.at(-5), { line: 1, column: 1 });
  t.strictSame(index.at(99), { line: 2, column: 2 });
  t.strictSame(index.range(3, 1), { start: { line: 2, column: 1 }, end: { line: 2, column: 1 } });
  t.equal(new LineIndex("ab\r\nc", "lf").lineText(1), "ab");
  t.equal(index.lineText(7), "");
  t.end();
});
