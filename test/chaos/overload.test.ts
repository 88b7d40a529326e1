/** More load than the workers can do, or want to do: what can be done is done, the rest is refused at once. */
import t, { type Test } from "tap";
import { delay } from "../../src/base/clock.js";
import { median, p99sOfSlices } from "../support/alternation.js";
import { BalancerProcess } from "../support/balancer-process.js";
import { Lateness } from "../support/lateness.js";
import { LimitedFleet } from "../support/limited-fleet.js";
import { describeLoad, type LoadResult, OpenLoad, percentile } from "../support/open-load.js";
import { realJsonFiles } from "../support/real-files.js";

const files = realJsonFiles(50);
const refusalMsMax = 5;
/** What a thread that does nothing is late by, at the 99th percentile, where nobody else wants the processors. */
const quietMsMax = 1;
t.setTimeout(180_000);

void t.test("twice the load that the workers can carry: goodput stays, and what is refused is refused at once", async (t) => {
  // Two workers with ten places of 200 ms each: 100 a second, nearly however busy the machine is.
  const { balancer, lateness } = await startScene(t, 2, { slots: 10, "takes-ms": 200, "queue-depth-max": 10 });
  const capacity = 100;
  const loads = [1, 1.25, 2];
  const goodputs = loads.map((): number[] => []);
  const over: LoadResult[] = [];
  const peakOf = (): number => Math.max(...goodputs.map(median));
  const share = (): number => median(goodputs.at(-1)!) / peakOf();
  for (let round = 0; round < 2 || (round < 6 && share() <= 0.9); round++) {
    for (const [index, times] of loads.entries()) {
      const load = new OpenLoad({ url: balancer.url, files, perSecond: times * capacity, connections: 512 });
      await delay(4_000);
      const results = await load.stop();
      goodputs[index]!.push(goodput(results, 1_000, 4_000));
      if (times === 2) over.push(...results);
    }
  }
  loads.forEach((times, index) => t.comment(`offered ${times * capacity}/s: goodput ${median(goodputs[index]!).toFixed(0)}/s`));
  t.comment(`at twice the load ${(100 * share()).toFixed(1)} % of the peak; ${describeLoad(over)}`);
  t.ok(share() > 0.9, "above 90 % of the peak");
  const refused = over.filter(({ status }) => status !== 200);
  t.ok(refused.length > over.length / 4, "it was too much");
  checkRefusals(t, refused, lateness);
});

const sourceBytes = 20_000;
for (const [limit, max, metric, held] of [
  ["inFlightPerShardMax", 20, "lintel_shard_exchanges_in_flight", 20],
  ["inFlightPerWorkerMax", 20, "lintel_worker_in_flight", 2 * 20],
  ["bodyBytesHeldPerShardMax", 10 * sourceBytes, "lintel_shard_body_bytes_held", 10 * sourceBytes],
] as const) {
  void t.test(`a balancer that has its fill refuses at once: ${limit}`, async (t) => {
    const { balancer, lateness } = await startScene(t, 1, { slots: 1_000, "takes-ms": 500 }, { [limit]: max }, sourceBytes);
    const large = Array.from({ length: 100 }, (_, index) => ({ path: `/v1/lint/json?filename=${index}.json`, source: Buffer.from(JSON.stringify("x".repeat(sourceBytes - 2))) }));
    const load = new OpenLoad({ url: balancer.url, files: large, perSecond: 200, connections: 512 });
    t.teardown(() => load.stop());
    let heldMax = 0;
    for (const startMs = load.nowMs; load.nowMs - startMs < 3_000; ) {
      heldMax = Math.max(heldMax, await balancer.metricMax(metric));
      await delay(20);
    }
    const results = await load.stop();
    t.comment(`${describeLoad(results)}; ${metric} is ${heldMax} at most`);
    t.ok(heldMax > held / 2 && heldMax <= held, "the bound was reached and kept");
    t.ok(results.some(({ status }) => status === 200), "what it has it finishes");
    const refused = results.filter(({ status }) => status !== 200);
    t.ok(refused.every(({ attempts }) => attempts === 0), "what it refuses no worker sees");
    checkRefusals(t, refused, lateness);
  });
}

void t.test("all workers refuse: the retries stay within their budget and every answer is quick", async (t) => {
  const { balancer, lateness } = await startScene(t, 3, { slots: 0 });
  const startMs = performance.now();
  const load = new OpenLoad({ url: balancer.url, files, perSecond: 200 });
  await delay(8_000);
  const results = await load.stop();
  const seconds = (performance.now() - startMs) / 1_000;
  const [attempts, requests] = [await balancer.metric("lintel_worker_attempts_total"), await balancer.metric("lintel_requests_total")];
  t.comment(`${describeLoad(results)}; ${attempts} attempts for ${requests} requests in ${seconds.toFixed(1)} s`);
  // Each of two shards has ten a second, and those of the budget's window, 5 s, saved up at the start.
  t.ok(attempts <= 1.2 * requests + 2 * 10 * (seconds + 5), "the attempts are within the budget");
  checkRefusals(t, results, lateness);
});

async function startScene(t: Test, workers: number, flags: Readonly<Record<string, number>>, limits: Readonly<Record<string, number>> = {}, bodyBytesMax = 65_536): Promise<{ balancer: BalancerProcess; lateness: Lateness }> {
  const fleet = new LimitedFleet();
  t.teardown(() => fleet.stop());
  await fleet.start(workers, flags);
  const balancer = await BalancerProcess.start({ limits, bodyBytesMax, languages: { json: [{ version: "1", weight: 1, workers: fleet.addresses }] } });
  t.teardown(() => balancer.stop());
  const lateness = new Lateness();
  t.teardown(() => lateness.stop());
  return { balancer, lateness };
}

/** Reports a second that arrived between these times of the load. */
function goodput(results: readonly LoadResult[], fromMs: number, toMs: number): number {
  const good = results.filter(({ status, dueMs, latencyMs }) => status === 200 && dueMs + latencyMs >= fromMs && dueMs + latencyMs < toMs);
  return good.length / ((toMs - fromMs) / 1_000);
}

/**
 * Every refusal says when to come back and took the service next to no time. Measured inside, from the complete request to its
 * answer. Where a thread that does nothing waits longer for the processor than a refusal may take, that says nothing of the service.
 */
function checkRefusals(t: Test, refused: readonly LoadResult[], { p99Ms: lateMs }: Lateness): void {
  t.same(refused.filter(({ status, error, retryAfter }) => status !== 503 || error !== "overloaded" || retryAfter < 1), [], "each is a 503 with Retry-After");
  const p99Ms = median(p99sOfSlices(refused, "serverMs"));
  const halfMs = percentile(refused, 0.5, "serverMs");
  t.comment(`${refused.length} refused within p50 ${halfMs.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms (median of half seconds); a thread that does nothing is late by ${lateMs.toFixed(2)} ms`);
  if (lateMs > refusalMsMax) {
    t.pass("the machine is too busy to tell");
    return;
  }
  t.ok(halfMs < refusalMsMax, "half of them within 5 ms");
  t.ok(p99Ms < refusalMsMax || lateMs > quietMsMax, "on a quiet machine 99 %");
}
