import fc from "fast-check";
import t from "tap";
import { seededRandom } from "../../src/base/random.js";
import { continueTrace } from "../../src/shard/trace-context.js";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const stepId = "00f067aa0ba902b7";

void t.test("a valid trace goes on: same trace, a step of its own, the flags that have a meaning", (t) => {
  const random = seededRandom(1);
  const next = continueTrace(`00-${traceId}-${stepId}-01`, random);
  t.match(next, /^00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-01$/);
  t.notMatch(next, stepId);
  t.not(continueTrace(`00-${traceId}-${stepId}-01`, random), next);
  t.match(continueTrace(`00-${traceId}-${stepId}-ff`, random), /-03$/);
  t.match(continueTrace(`00-${traceId}-${stepId}-fc`, random), /-00$/);
  t.match(continueTrace(`cc-${traceId}-${stepId}-01-what-the-future-brings`, random), new RegExp(`^00-${traceId}-`), "later versions begin alike");
  t.equal(continueTrace("", random), "", "and without one there is none");
  t.end();
});

void t.test("whatever else comes is replaced by a new trace that nobody samples", (t) => {
  const random = seededRandom(2);
  const invalid = [
    `00-${"0".repeat(32)}-${stepId}-01`,
    `00-${traceId}-${"0".repeat(16)}-01`,
    `ff-${traceId}-${stepId}-01`,
    `00-${traceId}-${stepId}-01-more`,
    `00-${traceId.toUpperCase()}-${stepId}-01`,
    `00-${traceId}-${stepId}-1`,
    `00-${traceId}-${stepId}-01\u00e9`,
    `cc-${traceId}-${stepId}-01more`,
    "nonsense",
    " ",
  ];
  for (const one of invalid) {
    t.match(continueTrace(one, random), /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/, one);
    t.notMatch(continueTrace(one, random), traceId, one);
  }
  fc.assert(fc.property(fc.string({ minLength: 1 }), (text) => /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]$/.test(continueTrace(text, random))));
  t.match(continueTrace("x", { next: () => 0 }), /^00-0{31}1-0{15}1-00$/, "an id is never all zero, which would be none");
  t.end();
});
