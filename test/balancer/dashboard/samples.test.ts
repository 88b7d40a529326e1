// Counters of the shards as what happened second by second: rates, percentiles, shares of the window.
import t from "tap";
import { defaultSampleOptions, Samples } from "../../../src/balancer/dashboard/samples.js";
import { createSlotBook } from "../../../src/balancer/slots.js";
import { Statistics, workerCells } from "../../../src/shard/statistics.js";
import { ManualClock } from "../../support/manual-clock.js";

const sizes = { versionsMax: 8, workersMax: 8, languagesMax: 4 };

function start() {
  const shards = [0, 1].map(() => new Statistics(Statistics.allocate(sizes), sizes));
  const slots = createSlotBook(sizes, (table, slot) => table === "version" && shards.forEach((one) => one.clearVersion(slot)));
  const endpoint = { id: "w1", host: "127.0.0.1", port: 1 };
  slots.reserve({ revision: 1, nonce: 1, languages: [{ language: "python", extensions: [], spill: true, versions: [{ version: "1", weight: 1, workers: [endpoint] }, { version: "2", weight: 1, workers: [] }] }] });
  const clock = new ManualClock();
  const samples = new Samples(shards, slots, { ...defaultSampleOptions, windowSamples: 3, samplesMax: 5 }, clock);
  const second = (): void => {
    clock.pass(1_000);
    samples.take();
    samples.takeWorkers();
  };
  const [version, language, worker] = [(name: string) => new Map(slots.versions()).get(`python ${name}`)!, new Map(slots.languages()).get("python")!, new Map(slots.workers()).get("w1")!];
  return { shards: shards as [Statistics, Statistics], samples, second, version, language, worker };
}

void t.test("what the shards count becomes rates, failures and percentiles", (t) => {
  const { shards, samples, second, version, language } = start();
  second();
  t.same(samples.kept, [], "one reading says nothing yet");
  for (let count = 0; count < 98; count++) shards[count % 2]!.countOutcome(version("1"), language, 200, 5_000);
  shards[0].countOutcome(version("2"), language, 503, 80_000);
  shards[1].countOutcome(0, 0, 404, 10);
  shards[1].countOutcome(version("2"), language, 499, 10);
  second();
  const [sample] = samples.kept;
  t.match(sample, { perSecond: 101, failuresPerSecond: 1, refusalsPerSecond: 1 }, "a client that left was not refused");
  t.ok(Math.abs(sample!.p50Ms - 5) < 0.2 && Math.abs(sample!.p90Ms - 5) < 0.2, `${sample!.p50Ms} ms`);
  t.same(samples.versionCounts(version("1")), { requests: 98, failures: 0 });
  t.same(samples.versionCounts(version("2")), { requests: 2, failures: 1 });
  t.same(samples.totals(), { requests: 101, failures: 1 });
  t.ok(Math.abs(samples.languageLatency(language).p99Ms - 5) < 0.2);
  second();
  t.match(samples.kept.at(-1), { perSecond: 0, p50Ms: -1, p99Ms: -1 }, "and nothing in a second without requests");
  t.end();
});

void t.test("the window moves on, the charts are bounded, and an emptied slot is no negative rate", (t) => {
  const { shards, samples, second, version, language } = start();
  second();
  shards[0].countOutcome(version("1"), language, 200, 1_000);
  second();
  t.equal(samples.versionCounts(version("1")).requests, 1);
  shards[0].clearVersion(version("1"));
  for (let count = 0; count < 10; count++) second();
  t.equal(samples.versionCounts(version("1")).requests, 0);
  t.equal(samples.kept.length, 5);
  t.ok(samples.kept.every(({ perSecond }) => perSecond >= 0));
  t.end();
});

void t.test("a worker: load over all shards, attempts a second, time to answer", (t) => {
  const { shards, samples, second, worker } = start();
  second();
  for (const [index, one] of shards.entries()) {
    one.set(one.workerCell(worker, workerCells.inFlight), 2);
    one.set(one.workerCell(worker, workerCells.reportedDepth), index + 1);
    one.add(one.workerCell(worker, workerCells.attempts), 10);
    one.add(one.workerCell(worker, workerCells.answers), 5);
    one.add(one.workerCell(worker, workerCells.answerMicros), 5 * 8_000);
    one.add(one.workerCell(worker, workerCells.failures), 1);
  }
  second();
  t.same(samples.workerCounts(worker), { inFlight: 4, queued: 2, perSecond: 20, answerMs: 8, failures: 2 });
  second();
  t.match(samples.workerCounts(worker), { perSecond: 0, answerMs: 8 }, "its time to answer is told over more than a second");
  t.end();
});
