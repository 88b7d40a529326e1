/** What worker-choice.ts promises of every choice, how choices spread, and what it learns from answers and failures. */
import fc from "fast-check";
import t from "tap";
import { seededRandom, type Random } from "../../src/base/random.js";
import { choiceDefaults, newCandidate, WorkerSet, type Candidate } from "../../src/balancing/worker-choice.js";

const seed = Number(process.env["LINTEL_SEED"] ?? 20240612);
t.comment(`seed ${seed}`);
const { scanMax, evenWithin } = choiceDefaults;

interface Worker extends Candidate {
  readonly name: number;
}

function idle(count: number): Worker[] {
  return Array.from({ length: count }, (_, name) => ({ ...newCandidate(), name }));
}

function setOf(workers: readonly Worker[]): WorkerSet<Worker> {
  const set = new WorkerSet<Worker>();
  set.usable = workers;
  return set;
}

const sizes = fc.oneof(fc.integer({ min: 0, max: scanMax + 2 }), fc.integer({ min: 0, max: 200 }));
const seeds = fc.integer({ min: 0, max: 2 ** 32 - 1 });

void t.test("whatever happened before: never a tried or departed worker, always one while an untried is left, every load above zero", (t) => {
  const step = fc.record({ what: fc.constantFrom("answer", "answer", "answer", "fail", "leave"), afterMs: fc.nat(500), depth: fc.nat(9), tried: fc.nat(3) });
  fc.assert(
    fc.property(sizes, seeds, fc.array(step, { maxLength: 60 }), (count, start, steps) => {
      const random = seededRandom(start);
      const all = idle(count);
      let usable: readonly Worker[] = all;
      const set = setOf(usable);
      const flying: Worker[] = [];
      let nowMs = 0;
      for (const { what, afterMs, depth, tried: triedCount } of steps) {
        nowMs += afterMs;
        if (what === "leave") {
          // Some leave, all others are back; those in flight answer all the same.
          usable = all.filter(() => random.next() < 0.7);
          set.usable = usable;
        }
        const tried: Worker[] = [];
        for (let attempt = 0; attempt <= triedCount; attempt++) {
          const chosen = set.choose(tried, nowMs, random);
          const left = usable.filter((worker) => !tried.includes(worker));
          if (chosen === undefined ? left.length > 0 : !left.includes(chosen)) throw new Error(`chose ${String(chosen?.name)} of ${left.length}`);
          if (chosen === undefined) break;
          const load = set.loadOf(chosen, nowMs);
          if (!(load > 0 && load < Infinity)) throw new Error(`load ${load}`);
          tried.push(chosen);
          chosen.inFlight++;
          flying.push(chosen);
        }
        while (flying.length > 3) {
          const worker = flying.shift()!;
          worker.inFlight--;
          if (what === "fail") set.noteFailure(worker, nowMs);
          else set.noteAnswer(worker, depth, 1 + afterMs * random.next(), nowMs);
        }
      }
    }),
    { seed, numRuns: 400 },
  );
  t.end();
});

void t.test("three attempts go to three different workers, then there may be none", (t) => {
  for (const count of [1, 2, 3, 4, scanMax, scanMax + 1, 500]) {
    const set = setOf(idle(count));
    const random = seededRandom(seed + count);
    const tried: Worker[] = [];
    for (let attempt = 1; attempt <= 3; attempt++) {
      const chosen = set.choose(tried, 0, random);
      if (chosen !== undefined) tried.push(chosen);
    }
    t.equal(new Set(tried).size, Math.min(3, count), `${count} workers`);
    t.equal(set.choose(tried, 0, random) === undefined, count <= 3);
  }
  t.end();
});

void t.test("among few the one with the least load is chosen, or one that is as good", (t) => {
  fc.assert(
    fc.property(fc.array(fc.nat(5), { minLength: 1, maxLength: scanMax }), seeds, (counts, start) => {
      const workers = idle(counts.length);
      workers.forEach((worker, index) => (worker.inFlight = counts[index]!));
      const chosen = setOf(workers).choose([], 0, seededRandom(start));
      if (chosen!.inFlight + 1 > (Math.min(...counts) + 1) * evenWithin) throw new Error("a less loaded worker was passed over");
    }),
    { seed, numRuns: 500 },
  );
  t.end();
});

void t.test("in quiet hours few workers share the work evenly: first impressions, and one that was forgotten, are made up for", (t) => {
  for (const count of [2, 3, 10, scanMax]) {
    const workers = idle(count);
    const set = setOf(workers);
    const random = seededRandom(seed);
    const chosen = workers.map(() => 0);
    const rounds = 1_000 * count;
    const everyMs = 100;
    for (let round = -rounds; round < rounds; round++) {
      const nowMs = (round + rounds) * everyMs;
      const worker = set.choose([], nowMs, random)!;
      if (round >= 0) chosen[worker.name]!++;
      // What a process takes at first, and what the garbage of one took once.
      const isCold = chosen[worker.name] === 0 && worker.slowness === 1;
      set.noteAnswer(worker, 0, (isCold ? 60 : 4) * (0.5 + random.next()), nowMs + 5);
    }
    const fair = rounds / count;
    const [least, most] = [Math.min(...chosen), Math.max(...chosen)];
    t.ok(least > 0.8 * fair && most < 1.2 * fair, `${count} workers: ${least} to ${most} of ${fair} each`);
  }
  t.end();
});

void t.test("among many strangers two different ones are drawn and the less loaded wins", (t) => {
  const workers = idle(100).map((worker) => ({ ...worker, inFlight: worker.name === 42 ? 0 : 3 }));
  const random = seededRandom(seed);
  const rounds = 50_000;
  let won = 0;
  const set = setOf(workers);
  for (let round = 0; round < rounds; round++) if (set.choose([], 0, random)!.name === 42) won++;
  t.ok(Math.abs(won / rounds - 0.02) < 0.003, `the idle one of 100 won ${((100 * won) / rounds).toFixed(2)} %`);
  // The one busiest of all must never win, as it would if one worker could be drawn twice.
  const oneBusy = setOf(idle(scanMax + 1).map((worker) => ({ ...worker, inFlight: worker.name === 7 ? 1 : 0 })));
  let busiest = 0;
  for (let round = 0; round < rounds; round++) if (oneBusy.choose([], 0, random)!.name === 7) busiest++;
  t.equal(busiest, 0);
  t.end();
});

void t.test("equal workers are chosen alike, also those beside busy or tried ones", (t) => {
  for (const count of [2, 3, 10, scanMax, scanMax + 1, 60]) {
    const workers = idle(count);
    // Among few, a run of busy workers must not shift its share onto the neighbour.
    const free = count <= scanMax && count > 3 ? workers.slice(0, 3) : workers;
    for (const worker of workers) if (!free.includes(worker)) worker.inFlight = 2;
    const tried = count > 3 ? [free[1]!] : [];
    const counts = workers.map(() => 0);
    const random = seededRandom(seed + count);
    const set = setOf(workers);
    const expected = free.length - tried.length;
    for (let round = 0; round < 2000 * expected; round++) counts[set.choose(tried, 0, random)!.name]! += 1;
    const seen = free.filter((worker) => !tried.includes(worker)).map((worker) => counts[worker.name]!);
    t.ok(Math.min(...seen) > 1700 && Math.max(...seen) < 2300, `${count} workers: ${Math.min(...seen)} to ${Math.max(...seen)} of 2,000 each`);
  }
  t.end();
});

void t.test("the cost does not grow with the number of workers", (t) => {
  for (const count of [scanMax + 1, 500, 100_000]) {
    const workers = idle(count);
    const set = setOf(workers);
    let draws = 0;
    const source = seededRandom(seed);
    const counting: Random = { next: () => { draws++; return source.next(); } };
    for (let round = 0; round < 1000; round++) {
      const chosen = set.choose([workers[round % count]!], round, counting)!;
      set.noteAnswer(chosen, 0, 1, round);
    }
    t.ok(draws / 1000 < 2.4, `${count} workers: ${draws / 1000} draws a choice`);
  }
  t.end();
});

void t.test("a worker just heard from to be idle is found again among hundreds, and its report is believed while fresh", (t) => {
  const workers = idle(300);
  const set = setOf(workers);
  const random = seededRandom(seed);
  // Everyone else reports five from other shards.
  let nowMs = 0;
  for (const worker of workers) set.noteAnswer(worker, worker.name === 299 ? 0 : 5, 4, (nowMs += 0.01));
  t.equal(set.choose([], nowMs, random)!.name, 299);
  t.ok(set.loadOf(workers[299]!, nowMs) < set.loadOf(workers[298]!, nowMs) / 3);
  const laterMs = nowMs + 1000;
  t.ok(set.loadOf(workers[299]!, laterMs) > 0.9 * set.loadOf(workers[298]!, laterMs), "a second later one is as good as another");
  set.usable = workers.slice(0, 299);
  for (let round = 0; round < 500; round++) t.not(set.choose([], nowMs, random)!.name, 299, "once departed it is forgotten");
  set.noteAnswer(workers[299]!, 0, 4, nowMs);
  t.not(set.choose([], nowMs, random)!.name, 299, "also when it answers after that");
  t.end();
});

void t.test("what was learnt is handed on over a change of snapshot", (t) => {
  const workers = idle(100);
  const before = setOf(workers);
  for (const worker of workers) before.noteAnswer(worker, worker.name === 7 ? 0 : 4, 5, 10);
  before.noteAnswer(workers[7]!, 0, 5, 10);
  const after = new WorkerSet<Worker>(choiceDefaults, before);
  after.usable = workers.slice(5);
  t.equal(after.choose([], 10, seededRandom(seed))!.name, 7);
  t.equal(after.loadOf(workers[7]!, 1e5), before.loadOf(workers[7]!, 1e5));
  t.end();
});

void t.test("what is this shard's own in a report is not counted twice", (t) => {
  const [worker] = idle(1) as [Worker];
  const set = setOf([worker]);
  worker.inFlight = 3;
  set.noteAnswer(worker, 5, 4, 0);
  t.equal(worker.reportedDepth, 2);
  set.noteAnswer(worker, 1, 4, 1);
  t.equal(worker.reportedDepth, 0, "a report from before the newest attempts arrived");
  t.end();
});

void t.test("a slow worker looks busier than it is, for as long as it is heard to be slow and a while after", (t) => {
  for (const count of [3, scanMax + 1]) {
    const workers = idle(count);
    const [slow, good] = workers as [Worker, Worker];
    const set = setOf(workers);
    for (let answer = 0; answer < 300; answer++) for (const worker of workers) set.noteAnswer(worker, 0, worker === slow ? 40 : 4, answer);
    t.ok(set.loadOf(slow, 300) > 4 * set.loadOf(good, 300), `${set.loadOf(slow, 300)} against ${set.loadOf(good, 300)}`);
    const longAfterMs = 300 + choiceDefaults.slownessMs;
    // Among few the good one is no stranger, however long it was silent: all are compared, and it must not be passed over for ever.
    t.equal(set.loadOf(slow, longAfterMs) / set.loadOf(good, longAfterMs), count <= scanMax ? choiceDefaults.strangerSlowness : 1);
  }
  t.end();
});

void t.test("a worker that refuses at once does not look fast: its failures weigh like attempts and fade", (t) => {
  const [refusing, good] = idle(2) as [Worker, Worker];
  const set = setOf([refusing, good]);
  set.noteFailure(refusing, 1000);
  good.inFlight = 3;
  t.equal(set.choose([], 1000, seededRandom(seed)), good);
  set.noteFailure(refusing, 1001);
  t.ok(set.loadOf(refusing, 1001) > 1.9 * choiceDefaults.penaltyStep, "they add up");
  t.equal(set.choose([], 1001 + choiceDefaults.penaltyMs, seededRandom(seed)), refusing);
  refusing.warmth = 0.5;
  t.ok(set.loadOf(refusing, 1e6) > set.loadOf({ ...refusing, warmth: 1 }, 1e6), "and a cold worker looks busier than a warm one");
  t.end();
});

void t.test("requests of one batch go to one worker for as long as that is through with them in a moment", (t) => {
  const { joinWaitMs } = choiceDefaults;
  for (const count of [1, 2, 8, 40]) {
    const random = seededRandom(seed + count);
    const workers = idle(count);
    const set = setOf(workers);
    const costMs = 0.05;
    for (const worker of workers) set.noteAnswer(worker, 0, 1, 0, costMs);
    for (let batch = 1; batch <= 50; batch++) {
      for (const worker of workers) worker.inFlight = 0;
      const first = set.choose([], batch, random, batch)!;
      for (let join = 1; join * costMs <= joinWaitMs; join++) {
        first.inFlight++;
        t.equal(set.choose([], batch, random, batch), first);
      }
      first.inFlight++;
      if (count > 1) t.not(set.choose([], batch, random, batch), first, "it has enough for now");
    }
  }
  t.end();
});

void t.test("nobody joins a worker that was tried, states no cost or a large one, left, failed, or is new", (t) => {
  const random = seededRandom(seed);
  let batch = 0;
  const joins = (change: (worker: Worker, set: WorkerSet<Worker>, workers: readonly Worker[]) => unknown, costMs = 0.01): boolean => {
    const workers = idle(50);
    const set = setOf(workers);
    for (const worker of workers) set.noteAnswer(worker, 0, 1, 0, costMs);
    batch++;
    const first = set.choose([], 1, random, batch)!;
    first.inFlight++;
    change(first, set, workers);
    return Array.from({ length: 20 }, () => set.choose([], 1, random, batch)).every((worker) => worker === first);
  };
  t.equal(joins(() => undefined), true);
  t.equal(joins(() => undefined, 0), false, "no cost is stated");
  t.equal(joins(() => undefined, 1), false, "a large cost");
  t.equal(joins((worker, set, workers) => (set.usable = workers.filter((one) => one !== worker))), false, "left");
  t.equal(joins((worker, set) => set.noteFailure(worker, 1)), false, "failed");
  t.equal(joins((worker) => (worker.warmth = 0.5)), false, "new");
  t.equal(joins((worker) => (worker.reportedDepth = 1_000)), false, "others keep it busy");
  t.equal(joins(() => batch++), false, "another batch");
  const workers = idle(50);
  const set = setOf(workers);
  for (const worker of workers) set.noteAnswer(worker, 0, 1, 0, 0.01);
  const first = set.choose([], 1, random, 1)!;
  t.not(set.choose([first], 1, random, 1), first, "tried");
  t.end();
});
