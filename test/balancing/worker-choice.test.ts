/** What worker-choice.ts promises of every choice, and how the choices spread. */
import fc from "fast-check";
import t from "tap";
import { seededRandom, type Random } from "../../src/base/random.js";
import { chooseWorker, loadOf, scanWorkersMax, type Candidate } from "../../src/balancing/worker-choice.js";

const seed = Number(process.env["LINTEL_SEED"] ?? 20240612);
t.comment(`seed ${seed}`);

interface Worker extends Candidate {
  readonly name: number;
}

const candidate: fc.Arbitrary<Candidate> = fc.record({
  inFlight: fc.integer({ min: 0, max: 5 }),
  reportedDepth: fc.integer({ min: 0, max: 5 }),
  penalty: fc.constantFrom(0, 0, 0, 8),
  warmth: fc.constantFrom(1, 1, 1, 0.1, 0.5),
});
const workers = fc
  .oneof(fc.array(candidate, { maxLength: scanWorkersMax }), fc.array(candidate, { minLength: scanWorkersMax, maxLength: 3 * scanWorkersMax }))
  .map((list) => list.map((each, name): Worker => ({ ...each, name })));
const seeds = fc.integer({ min: 0, max: 2 ** 32 - 1 });

function idle(count: number): Worker[] {
  return Array.from({ length: count }, (_, name) => ({ inFlight: 0, reportedDepth: 0, penalty: 0, warmth: 1, name }));
}

void t.test("never a tried worker, always one while an untried is left", (t) => {
  fc.assert(
    fc.property(workers, seeds, fc.array(fc.nat(), { maxLength: 3 }), (usable, start, picks) => {
      const gone: Worker = { ...idle(1)[0]!, name: -1 };
      const tried = picks.map((pick) => usable[pick % (usable.length + 1)] ?? gone);
      const chosen = chooseWorker(usable, tried, seededRandom(start));
      const left = usable.filter((worker) => !tried.includes(worker));
      if (chosen === undefined ? left.length > 0 : !left.includes(chosen)) throw new Error(`chose ${String(chosen?.name)}`);
    }),
    { seed, numRuns: 1000 },
  );
  t.end();
});

void t.test("three attempts go to three different workers, then there may be none", (t) => {
  for (const count of [1, 2, 3, 4, scanWorkersMax, scanWorkersMax + 1, 500]) {
    const usable = idle(count);
    const random = seededRandom(seed + count);
    const tried: Worker[] = [];
    for (let attempt = 1; attempt <= 3; attempt++) {
      const chosen = chooseWorker(usable, tried, random);
      if (chosen !== undefined) tried.push(chosen);
    }
    t.equal(new Set(tried).size, Math.min(3, count), `${count} workers`);
    t.equal(chooseWorker(usable, tried, random) === undefined, count <= 3);
  }
  t.end();
});

void t.test("among few the least loaded is chosen", (t) => {
  fc.assert(
    fc.property(workers, seeds, (usable, start) => {
      if (usable.length === 0 || usable.length > scanWorkersMax) return;
      const chosen = chooseWorker(usable, [], seededRandom(start));
      if (loadOf(chosen!) !== Math.min(...usable.map(loadOf))) throw new Error("a less loaded worker was passed over");
    }),
    { seed, numRuns: 500 },
  );
  t.end();
});

void t.test("among many two different workers are drawn and the less loaded wins", (t) => {
  // One worker is idle, all others equal: it must win whenever drawn, in 2 of n choices.
  const usable = idle(100).map((worker) => ({ ...worker, inFlight: worker.name === 42 ? 0 : 3 }));
  const random = seededRandom(seed);
  const rounds = 50_000;
  let won = 0;
  for (let round = 0; round < rounds; round++) if (chooseWorker(usable, [], random)!.name === 42) won++;
  t.ok(Math.abs(won / rounds - 0.02) < 0.003, `the idle one of 100 won ${((100 * won) / rounds).toFixed(2)} %`);
  // And the one busiest of all must never win, as it would if one worker could be drawn twice.
  const oneBusy = idle(scanWorkersMax + 1).map((worker) => ({ ...worker, inFlight: worker.name === 7 ? 1 : 0 }));
  for (let round = 0; round < rounds; round++) if (chooseWorker(oneBusy, [], random)!.name === 7) t.fail("the busiest worker was chosen");
  t.end();
});

void t.test("equal workers are chosen alike, also those beside busy or tried ones", (t) => {
  for (const count of [2, 3, 10, scanWorkersMax, scanWorkersMax + 1, 60]) {
    const usable = idle(count);
    const few = count <= scanWorkersMax;
    // Among few, a run of busy workers must not shift its share onto the neighbour.
    const free = few && count > 3 ? usable.slice(0, 3) : usable;
    for (const worker of usable) if (!free.includes(worker)) worker.inFlight = 2;
    const tried = count > 3 ? [free[1]!] : [];
    const counts = usable.map(() => 0);
    const random = seededRandom(seed + count);
    const expected = free.length - tried.length;
    const rounds = 2000 * expected;
    for (let round = 0; round < rounds; round++) counts[chooseWorker(usable, tried, random)!.name]! += 1;
    const seen = free.filter((worker) => !tried.includes(worker)).map((worker) => counts[worker.name]!);
    t.ok(Math.min(...seen) > 1700 && Math.max(...seen) < 2300, `${count} workers: ${Math.min(...seen)} to ${Math.max(...seen)} of 2,000 each`);
  }
  t.end();
});

void t.test("the cost does not grow with the number of workers: at most four draws, usually two", (t) => {
  for (const count of [scanWorkersMax + 1, 500, 100_000]) {
    const usable = idle(count);
    let draws = 0;
    const source = seededRandom(seed);
    const counting: Random = { next: () => { draws++; return source.next(); } };
    for (let round = 0; round < 1000; round++) chooseWorker(usable, [usable[round % count]!], counting);
    t.ok(draws / 1000 < 2.2, `${count} workers: ${draws / 1000} draws a choice`);
  }
  t.end();
});

void t.test("a failure, a report and a slow start each make a worker look busier", (t) => {
  const plain = idle(1)[0]!;
  const base = loadOf(plain);
  t.ok(loadOf({ ...plain, penalty: 5 }) > base);
  t.ok(loadOf({ ...plain, reportedDepth: 1 }) > base);
  t.ok(loadOf({ ...plain, inFlight: 1 }) > base);
  t.ok(loadOf({ ...plain, warmth: 0.5 }) > base, "an idle cold worker is not as good as an idle warm one");
  t.end();
});
