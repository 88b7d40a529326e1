/** The ejection of workers: when, for how long, the way back, and the caps over a set. */
import fc from "fast-check";
import t from "tap";
import { seededRandom } from "../../src/base/random.js";
import {
  beginProbe, eject, ejectionDefaults as defaults, isProbeDue, isServing, mayEjectAnother, newHealth, noteFailure, noteReconnected, noteSuccess, spreadsOverAll, warmthAt,
  type Health,
} from "../../src/balancing/ejection.js";

const seed = Number(process.env["LINTEL_SEED"] ?? 20240615);
t.comment(`seed ${seed}`);
const failed = (sentMs: number, timedOut = false) => ({ timedOut, sentMs, reason: "connection lost" });

/** Fails `health` until it is ejected; returns how long the ejection lasts. */
function ejectionMsOf(health: Health, nowMs: number, random = seededRandom(seed)): number {
  for (let count = 0; count < defaults.failuresInRowMax; count++) noteFailure(health, failed(nowMs), true, nowMs, random);
  if (health.phase.kind !== "ejected") throw new Error("not ejected");
  return health.phase.untilMs - nowMs;
}

void t.test("failures in a row eject, sooner when they are timeouts; a success in between starts over", (t) => {
  const random = seededRandom(seed);
  const health = newHealth(0, false);
  const fail = (timedOut: boolean) => noteFailure(health, failed(10, timedOut), true, 10, random);
  for (let round = 0; round < 20; round++) {
    for (let count = 1; count < defaults.failuresInRowMax; count++) t.equal(fail(false), "none");
    t.equal(noteSuccess(health, 5, 10), "none");
  }
  for (let count = 1; count < defaults.timeoutsInRowMax; count++) t.equal(fail(true), "none");
  t.ok(isServing(health));
  t.equal(fail(true), "ejected");
  t.notOk(isServing(health));
  t.match(health.phase, { kind: "ejected", sinceMs: 10, reason: "connection lost" });
  t.end();
});

void t.test("attempts sent before an ejection neither lengthen it nor end it", (t) => {
  const random = seededRandom(seed);
  const health = newHealth(0, false);
  ejectionMsOf(health, 100);
  const before = { ...health };
  for (let late = 0; late < 50; late++) t.equal(noteFailure(health, failed(99), true, 120, random), "none");
  t.equal(noteSuccess(health, 99, 130), "none");
  t.same(health, before);
  t.equal(noteSuccess(health, 110, 140), "returned", "but one sent since, while traffic is spread over all, brings it back");
  t.end();
});

void t.test("each ejection lasts twice as long up to a limit, spread by jitter, and is forgiven in time", (t) => {
  const random = seededRandom(seed);
  const health = newHealth(0, false);
  let nowMs = 0;
  for (let round = 0; round < 12; round++) {
    const lastedMs = ejectionMsOf(health, nowMs, random);
    const nominalMs = Math.min(defaults.ejectionMsMax, defaults.ejectionMs * 2 ** round);
    t.ok(lastedMs >= nominalMs * 0.8 && lastedMs <= nominalMs * 1.2, `ejection ${round + 1}: ${lastedMs.toFixed(0)} ms`);
    nowMs += lastedMs;
    beginProbe(health, nowMs);
    t.equal(noteSuccess(health, nowMs, nowMs + 5), "returned");
    nowMs += 5;
  }
  t.ok(ejectionMsOf(health, nowMs + 20 * defaults.forgiveMs) < 1300, "after a long good time it is the first again");
  const lengths = Array.from({ length: 200 }, () => ejectionMsOf(newHealth(0, false), 0, random));
  t.ok(new Set(lengths).size > 190 && Math.max(...lengths) - Math.min(...lengths) > 300, "no two shards in step");
  t.end();
});

void t.test("half-open lets one probe through: an answer returns the worker cold, a failure ejects it for longer", (t) => {
  const random = seededRandom(seed);
  const health = newHealth(0, false);
  const firstMs = ejectionMsOf(health, 0);
  t.notOk(isProbeDue(health, firstMs - 1));
  t.ok(isProbeDue(health, firstMs));
  beginProbe(health, firstMs);
  t.notOk(isProbeDue(health, firstMs + 1), "no second probe beside it");
  t.ok(isProbeDue(health, firstMs + defaults.probeMsMax), "unless its outcome never came");
  t.equal(noteFailure(health, failed(firstMs), false, firstMs + 50, random), "ejected", "also when the set may not eject more: it is ejected already");
  t.ok(health.phase.kind === "ejected" && health.phase.untilMs > firstMs + 50 + 1600);
  beginProbe(health, 5000);
  t.equal(noteSuccess(health, 5000, 5001), "returned");
  t.equal(warmthAt(health, 5001), defaults.warmthMin);
  t.ok(Math.abs(warmthAt(health, 5001 + defaults.slowStartMs / 2) - 0.75) < 0.01);
  t.equal(warmthAt(health, 5001 + defaults.slowStartMs), 1);
  t.equal(warmthAt(newHealth(0, false), 0), 1);
  t.equal(warmthAt(newHealth(0, true), 0), defaults.warmthMin);
  eject(health, "wrong answer", 6000, random);
  noteReconnected(health, 6001);
  t.ok(isServing(health) && warmthAt(health, 6001) === defaults.warmthMin, "a new connection serves again, cold");
  t.ok(health.ejections > 0, "but its past is not forgotten");
  t.end();
});

void t.test("any number may be ejected among few, a share among many; with all ejected traffic goes to all", (t) => {
  const most = (connected: number): number => {
    let ejected = 0;
    while (ejected < connected && mayEjectAnother(ejected, connected)) ejected++;
    return ejected;
  };
  t.same([1, 2, 3, 4, 5].map(most), [1, 2, 3, 4, 5]);
  t.same([6, 8, 10, 100, 500].map(most), [5, 5, 6, 60, 300]);
  t.ok(spreadsOverAll(0, 1));
  t.ok(spreadsOverAll(0, 5));
  t.notOk(spreadsOverAll(1, 5));
  t.notOk(spreadsOverAll(0, 0));
  const random = seededRandom(seed);
  const health = newHealth(0, false);
  for (let count = 0; count < 20; count++) t.equal(noteFailure(health, failed(1), false, 1, random), "none");
  t.ok(isServing(health), "over the cap it goes on serving");
  t.end();
});

void t.test("whatever happens, a set is never left without a worker to use, and one that works again is back in bounded time", (t) => {
  const event = fc.record({ worker: fc.nat(9), answered: fc.boolean(), timedOut: fc.boolean(), afterMs: fc.nat(400), takesMs: fc.nat(2000) });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10 }), fc.array(event, { maxLength: 300 }), (count, events) => {
      const random = seededRandom(seed);
      const workers = Array.from({ length: count }, () => newHealth(0, true));
      const ejected = (): number => workers.filter((worker) => !isServing(worker)).length;
      const tendProbes = (nowMs: number): void => {
        for (const worker of workers) if (isProbeDue(worker, nowMs)) beginProbe(worker, nowMs);
      };
      let nowMs = 0;
      for (const { worker, answered, timedOut, afterMs, takesMs } of events) {
        nowMs += afterMs;
        tendProbes(nowMs);
        const health = workers[worker % count]!;
        const sentMs = Math.max(0, nowMs - takesMs);
        const wasServing = isServing(health);
        const change = answered ? noteSuccess(health, sentMs, nowMs) : noteFailure(health, failed(sentMs, timedOut), mayEjectAnother(ejected(), count), nowMs, random);
        if (change === "returned" && wasServing) throw new Error("returned although serving");
        if (change === "ejected" && isServing(health)) throw new Error("ejected but serving");
        if (ejected() > Math.max(defaults.ejectedAnyMax, Math.floor(count * defaults.ejectedShareMax))) throw new Error("over the cap");
        const warmth = warmthAt(health, nowMs);
        if (!(warmth > 0 && warmth <= 1)) throw new Error(`warmth ${warmth}`);
      }
      // From now on all answer: within the longest ejection and its jitter every one serves.
      const endMs = nowMs + defaults.ejectionMsMax * 1.2 + defaults.probeMsMax;
      for (; nowMs <= endMs; nowMs += 100) {
        tendProbes(nowMs);
        for (const health of workers) if (health.phase.kind === "probing") noteSuccess(health, nowMs, nowMs);
      }
      if (ejected() > 0) throw new Error(`${ejected()} never came back`);
    }),
    { seed, numRuns: 100 },
  );
  t.end();
});
