// Whether a benchmark's result reaches its bounds, and what a trace of the garbage collector says.
import t from "tap";
import { checkBounds, holds } from "../../bench/autocannon/bounds.js";
import { CollectionCounter } from "../../bench/autocannon/collections.js";
import { noCpuUse } from "../../bench/autocannon/cost.js";
import { summarize, type BenchResult, type Round } from "../../bench/autocannon/results.js";

const latencyMs = { mean: 1, p50: 1, p90: 1, p99: 1, p999: 1, max: 1 };
const round = (micros: number): Round => ({ requests: 1, seconds: 1, latencyMs, errors: 0, cpuMicros: { ...noCpuUse, total: micros }, memoryBytes: 1 });

function resultOf(candidates: Readonly<Record<string, readonly number[]>>): BenchResult {
  const point = {
    name: "64 connections",
    tool: "wrk",
    ratePerSecond: 0,
    workers: 2,
    connections: 64,
    candidates: Object.entries(candidates).map(([name, micros]) => summarize(name, micros.map(round))),
  } as const;
  const machine = { processor: "", cores: 2, memoryGiB: 1, kernel: "", node: "", loadAverage: 0, nginx: "", haproxy: "", wrk: "", cpus: { balancer: "", workers: "", load: "" } };
  const code = { version: "", commit: "", isChanged: false };
  return { format: 1, date: "", code, machine, rounds: 3, secondsPerRound: 1, jobs: [{ name: "throughput", question: "", points: [point] }] };
}

const measured = (result: BenchResult, measure: string) => checkBounds(result).find((bound) => bound.measure.startsWith(measure))!;

void t.test("a bound is measured as the median of the ratios of rounds that were next to each other", (t) => {
  const found = measured(resultOf({ lintel: [8, 16, 7], haproxy: [10, 40, 10] }), "CPU per request / HAProxy's: 2 workers");
  t.match(found, { measured: 0.7, low: 0.4, high: 0.8 });
  t.equal(holds(found), true);
  t.equal(holds(measured(resultOf({ lintel: [8], haproxy: [10] }), "CPU per request / HAProxy's: 2 workers")), false);
  t.end();
});

void t.test("what was not measured neither holds nor fails", (t) => {
  const found = measured(resultOf({ lintel: [8] }), "CPU per request / nginx's");
  t.equal(found.measured, undefined);
  t.equal(holds(found), undefined);
  t.end();
});

void t.test("collections of the threads that serve are counted, in a trace that comes in pieces", (t) => {
  const counter = new CollectionCounter();
  const trace =
    "[7:0x12]      843 ms: Scavenge 12.1 (14.4) -> 11.4 (17.9) MB, 1.0 / 0.0 ms  (average mu = 1.000) allocation failure;\n" +
    "[7:0x55]     1043 ms: Scavenge 12.1 (14.4) -> 11.4 (17.9) MB, 1.0 / 0.0 ms  (average mu = 1.000) allocation failure;\n" +
    `{"msg":"balancer ready"}\n` +
    "[7:0x55]     2043 ms: Mark-Compact (reduce) 13.1 (14.4) -> 11.4 (17.9) MB, 4.25 / 0.10 ms  (average mu = 1.000) finalize incremental marking;\n" +
    "[7:0x12]     3043 ms: Mark-Compact (reduce) 13.1 (14.4) -> 11.4 (17.9) MB, 9.25 / 0.10 ms  (average mu = 1.000) finalize incremental marking;\n";
  for (const character of trace) counter.add(character);
  t.same(counter.counts, { scavenges: 1, markCompacts: 1, pauseMs: 5.25 });
  t.end();
});
