/** What is remembered of bad inputs, for how long, and how much of it. */
import fc from "fast-check";
import t from "tap";
import { poisonDefaults, PoisonMemory, type Verdict } from "../../src/balancing/poison.js";

const seed = Number(process.env["LINTEL_SEED"] ?? 20240614);
t.comment(`seed ${seed}`);
const options = { entriesMax: 8, suspectMs: 100, poisonMs: 1000 };

void t.test("two different workers make an input poison, one worker twice does not", (t) => {
  const memory = new PoisonMemory(options);
  t.ok(memory.isEmpty);
  t.equal(memory.blame("h", "a", 0), "suspect");
  t.equal(memory.blame("h", "a", 1), "suspect");
  t.equal(memory.verdict("h", 1), "suspect");
  t.equal(memory.verdict("other", 1), "unknown");
  t.equal(memory.blame("h", "b", 2), "poison");
  t.equal(memory.verdict("h", 1001), "poison");
  t.equal(memory.verdict("h", 1002), "unknown", "remembered for a while only");
  t.notOk(memory.isEmpty);
  memory.forgetExpired(1002);
  t.ok(memory.isEmpty);
  t.end();
});

void t.test("the same worker twice makes poison when the input was the only suspect there", (t) => {
  const memory = new PoisonMemory(options);
  t.equal(memory.blame("h", "a", 0, { version: "1", alone: false }), "suspect");
  t.equal(memory.brokenWorker("h", 1), "a");
  t.equal(memory.blame("h", "a", 1, { version: "1", alone: true }), "poison");
  t.equal(memory.brokenWorker("h", 2), "");
  t.end();
});

void t.test("only a success of the same version absolves", (t) => {
  const memory = new PoisonMemory(options);
  memory.blame("h", "a", 0, { version: "2", alone: false });
  memory.absolve("h", "1");
  t.equal(memory.verdict("h", 1), "suspect");
  memory.absolve("h", "2");
  t.equal(memory.verdict("h", 1), "unknown");
  t.end();
});

void t.test("an input that was answered is not held against: only its own end at two workers condemns it", (t) => {
  const memory = new PoisonMemory(options);
  for (let death = 0; death < 10; death++) {
    t.equal(memory.blame("innocent", `w${death}`, death), "suspect");
    memory.absolve("innocent");
  }
  memory.blame("late", "a", 0);
  t.equal(memory.blame("late", "b", 100), "suspect", "the first suspicion has expired");
  t.equal(memory.blame("late", "c", 150), "poison");
  memory.absolve("late");
  t.equal(memory.verdict("late", 160), "poison", "a success in flight elsewhere does not undo two ends");
  t.end();
});

void t.test("it agrees with a list of all events, as long as nothing was evicted, and never grows beyond its bound", (t) => {
  const event = fc.record({ hash: fc.constantFrom("1", "2", "3"), worker: fc.constantFrom("a", "b", "c"), afterMs: fc.nat(90), answered: fc.boolean() });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const memory = new PoisonMemory(options);
      const suspects: Record<string, { worker: string; untilMs: number } | undefined> = {};
      const poison: Record<string, number> = {};
      let nowMs = 0;
      for (const { hash, worker, afterMs, answered } of events) {
        nowMs += afterMs;
        if (afterMs % 3 === 0) memory.forgetExpired(nowMs);
        const suspect = suspects[hash];
        let expected: Verdict = nowMs < (poison[hash] ?? -1) ? "poison" : "unknown";
        if (answered) {
          memory.absolve(hash);
          if (expected !== "poison") suspects[hash] = undefined;
        } else if (expected !== "poison") {
          expected = suspect !== undefined && nowMs < suspect.untilMs && suspect.worker !== worker ? "poison" : "suspect";
          if (expected === "poison") { poison[hash] = nowMs + options.poisonMs; suspects[hash] = undefined; }
          else suspects[hash] = { worker, untilMs: nowMs + options.suspectMs };
          if (memory.blame(hash, worker, nowMs) !== expected) throw new Error(`blame gave not ${expected}`);
        }
        if (memory.verdict(hash, nowMs) !== expected) throw new Error(`${memory.verdict(hash, nowMs)}, not ${expected}`);
      }
    }),
    { seed, numRuns: 500 },
  );
  const full = new PoisonMemory(options);
  for (let input = 0; input < 100; input++) {
    full.blame(`h${input}`, "a", input);
    if (input % 2 === 0) full.blame(`h${input}`, "b", input);
  }
  t.equal(full.size, 2 * options.entriesMax);
  t.equal(full.verdict("h98", 100), "poison", "the newest are kept");
  t.equal(full.verdict("h0", 100), "unknown", "the oldest made room");
  t.end();
});

void t.test("another memory recalls what one remembers, with the time that is left", (t) => {
  const memory = new PoisonMemory();
  memory.blame("poison", "one", 0);
  memory.blame("poison", "two", 0);
  memory.blame("suspect", "one", 1_000, { version: "v", alone: false });
  const other = new PoisonMemory();
  // Its clock began another time.
  other.recall(memory.remembered(2_000), 500_000);
  t.equal(other.verdict("poison", 500_000), "poison");
  t.equal(other.verdict("suspect", 500_000), "suspect");
  t.equal(other.brokenWorker("suspect", 500_000), "one");
  other.absolve("suspect", "w");
  t.equal(other.verdict("suspect", 500_000), "suspect", "the version is recalled too");
  const { suspectMs, poisonMs } = poisonDefaults;
  t.equal(other.verdict("suspect", 500_000 + suspectMs - 1_000), "unknown", "a second had passed");
  t.equal(other.verdict("poison", 500_000 + poisonMs - 2_001), "poison");
  t.equal(other.verdict("poison", 500_000 + poisonMs - 2_000), "unknown");
  t.end();
});
