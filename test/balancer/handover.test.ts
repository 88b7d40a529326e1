import t from "tap";
import { Handover } from "../../src/balancer/handover.js";
import type { ApplyOutcome } from "../../src/manager-link/link.js";
import type { LanguageSnapshot, Snapshot } from "../../src/snapshot/snapshot.js";
import { parseLanguages, renderLanguages } from "../support/link-actors.js";
import { ManualClock } from "../support/manual-clock.js";

/** Two shards that serve whatever they are given, and can use what the test says. */
function scene(timeoutMs = 10_000) {
  const clock = new ManualClock();
  const usable = new Set<string>();
  const served: string[] = [];
  let answer: ApplyOutcome = { kind: "applied" };
  const handover = new Handover(
    {
      publish: ({ revision, languages }) => {
        served.push(`${revision}: ${renderLanguages(languages)}`);
        return Promise.resolve(answer);
      },
      shardsWithout: (language, version) => [0, 1].filter((shard) => !usable.has(`${language} ${version} ${shard}`)),
      reasonAt: () => "why",
    },
    clock,
    timeoutMs,
  );
  const outcomes: string[] = [];
  const apply = (revision: number, languages: string | readonly LanguageSnapshot[]): Promise<unknown> => {
    const snapshot: Snapshot = { revision, nonce: revision, languages: typeof languages === "string" ? parseLanguages(languages) : languages };
    return handover.apply(snapshot).then((outcome) => outcomes.push(`${revision} ${outcome.kind}${outcome.kind === "refused" ? `: ${outcome.reason}` : ""}`));
  };
  const becomes = (...versions: readonly string[]): void => {
    for (const version of versions) usable.add(version);
    handover.noteUsable();
  };
  /** Promises settle. */
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return { clock, handover, served, outcomes, apply, becomes, turn, refuse: (reason: string) => (answer = { kind: "refused", reason }) };
}

void t.test("the first snapshot is served as it is; a first share waits until every shard can use the version", async (t) => {
  const { handover, served, outcomes, apply, becomes, turn } = scene();
  await apply(1, "python 1=1(a); css 1=1(c)");
  void apply(2, "python 1=1(a) 2=1(b); css 1=5(c)");
  await turn();
  t.same(served, ["1: python 1=1(a); css 1=1(c)", "1: python 1=1(a) 2=0(b); css 1=5(c)"], "other languages swap at once, under the old revision");
  t.same(handover.waiting(), [0, 1].map((shard) => ({ language: "python", version: "2", shard, reason: "why" })));
  becomes("python 2 0");
  await turn();
  t.equal(served.length, 2, "one shard is not enough, and nothing goes out in vain");
  becomes("python 2 1");
  await turn();
  t.same(outcomes, ["1 applied", "2 applied"]);
  t.equal(served[2], "2: python 1=1(a) 2=1(b); css 1=5(c)");
  t.same(handover.waiting(), []);
});

void t.test("a version that never comes is given its share after the deadline, which a newer snapshot does not start anew", async (t) => {
  const { clock, served, outcomes, apply, turn } = scene();
  await apply(1, "python 1=1(a)");
  void apply(2, "python 1=1(a) 2=1(b)");
  clock.pass(6_000);
  void apply(3, "python 1=1(a) 2=2(b); css 1=1(c)");
  clock.pass(3_999);
  await turn();
  t.same(outcomes, ["1 applied", "2 superseded"]);
  t.same(served.slice(1), ["1: python 1=1(a) 2=0(b)", "1: python 1=1(a) 2=0(b); css 1=0(c)"]);
  clock.pass(1);
  await turn();
  t.same(served.slice(3), ["1: python 1=1(a) 2=2(b); css 1=0(c)"], "css is waited for from its own time on");
  clock.pass(6_000);
  await turn();
  t.same(outcomes, ["1 applied", "2 superseded", "3 applied"]);
  t.equal(served[4], "3: python 1=1(a) 2=2(b); css 1=1(c)");
});

void t.test("a newer snapshot that takes the share back ends the waiting", async (t) => {
  const { served, outcomes, apply, turn } = scene();
  await apply(1, "python 1=1(a)");
  void apply(2, "python 1=0(a) 2=1(b)");
  await apply(3, "python 1=1(a)");
  await turn();
  t.same(outcomes, ["1 applied", "2 superseded", "3 applied"]);
  t.same(served, ["1: python 1=1(a)", "1: python 1=1(a) 2=0(b)", "3: python 1=1(a)"]);
});

void t.test("an older revision is refused, and what the shards refuse leaves the one before", async (t) => {
  const { handover, outcomes, apply, refuse } = scene();
  await apply(5, "python 1=1(a)");
  await apply(4, "python 1=9(a)");
  refuse("no room");
  await apply(6, "python 1=2(a)");
  t.same(outcomes, ["5 applied", "4 refused: revision 4 is older than the active 5", "6 refused: no room"]);
  t.equal(handover.serving.revision, 5);
});
