/** Shares under failure and change: exact, untouched by each other, and never at the price of a request. */
import t, { type Test } from "tap";
import { delay } from "../../src/base/clock.js";
import { BalancerProcess, until, type VersionGiven } from "../support/balancer-process.js";
import { describeLoad, type LoadResult, OpenLoad } from "../support/open-load.js";
import { realJsonFiles } from "../support/real-files.js";
import { WorkerFleet } from "../support/worker-fleet.js";

const files = realJsonFiles(50);

interface Scene {
  readonly fleet: WorkerFleet;
  readonly balancer: BalancerProcess;
  readonly load: OpenLoad;
}

/** Version 1 with weight 3, version 2 with weight 1, two workers each. */
async function twoVersions(t: Test, spill: boolean): Promise<Scene> {
  const fleet = new WorkerFleet();
  t.teardown(() => fleet.stop());
  await Promise.all(["1", "1", "2", "2"].map((version) => fleet.start({ language: "json", version })));
  const balancer = await BalancerProcess.start({ spill, languages: { json: versionsOf(fleet, 3, 1) } });
  t.teardown(() => balancer.stop());
  const load = new OpenLoad({ url: balancer.url, files, perSecond: 200 });
  t.teardown(() => load.stop());
  await until(() => load.results.length >= 200, 10_000, () => "the load to flow");
  return { fleet, balancer, load };
}

function versionsOf(fleet: WorkerFleet, one: number, two: number): VersionGiven[] {
  const of = (version: string): string[] => fleet.workers.filter(({ version: own }) => own === version).map(({ id }) => id);
  return [
    { version: "1", weight: one, workers: of("1") },
    { version: "2", weight: two, workers: of("2") },
  ];
}

function failed(results: readonly LoadResult[]): readonly LoadResult[] {
  return results.filter(({ status }) => status !== 200);
}

for (const spill of [true, false]) {
  const outcome = spill ? "with spill no request fails" : "without spill exactly its share gets 503";
  void t.test(`all workers of one of two versions die: ${outcome}`, async (t) => {
    const { fleet, balancer, load } = await twoVersions(t, spill);
    const dead = fleet.workers.filter(({ version }) => version === "2");
    await Promise.all(dead.map((worker) => fleet.end(worker, "SIGKILL")));
    await delay(1_000);
    const fromMs = load.nowMs;
    await delay(4_000);
    const results = await load.stop();
    // In the order they were sent: those that are refused are answered before others.
    const after = results.filter(({ dueMs }) => dueMs >= fromMs);
    t.comment(describeLoad(results));
    t.ok(after.every(({ version }) => version !== "2"), "the dead version answers nothing");
    if (spill) {
      t.equal(failed(results).length, 0, "every request is answered");
      t.ok((await balancer.metric("lintel_shard_requests_spilled_total")) >= after.length / 4 - 4, "what spilled is counted");
      return;
    }
    // A quarter on each of two shards; the window cuts each shard's sequence at any point.
    t.ok(Math.abs(failed(after).length - after.length / 4) <= 2 * (1 + 2 * 0.25) + 2, `${failed(after).length} of ${after.length} refused`);
    t.same(failed(results).filter(({ status, error }) => status !== 503 || error !== "no-worker"), [], "with 503 no-worker, those that were in hand when the workers died too");
    t.ok(failed(results).every(({ version }) => version !== "1"), "the other version is untouched");
  });
}

void t.test("50 configuration reloads with weights and workers changing: no request fails, shares within the bound", async (t) => {
  const { fleet, balancer, load } = await twoVersions(t, true);
  const all = versionsOf(fleet, 1, 1);
  for (let round = 0; round < 50; round++) {
    const [one, two] = all as [VersionGiven, VersionGiven];
    const versions = [
      { ...one, weight: 1 + (round % 3), workers: round % 2 === 0 ? one.workers : one.workers.slice(0, 1) },
      { ...two, weight: 1 + (round % 5), workers: round % 3 === 0 ? two.workers : two.workers.slice(1) },
    ];
    balancer.write({ languages: { json: versions } });
    const outcome = (await balancer.reload()) as { kind: string };
    if (outcome.kind === "refused") t.fail(`reload ${round} was refused`);
  }
  // The share after the last change is what it says, whatever came before.
  balancer.write({ languages: { json: versionsOf(fleet, 3, 1) } });
  await balancer.reload();
  const requests = async (version: string): Promise<number> => balancer.metric("lintel_requests_total", { version });
  const before = [await requests("1"), await requests("2")] as const;
  const from = load.results.length;
  await until(() => load.results.length >= from + 800, 20_000, () => "800 requests");
  const results = await load.stop();
  const picked = [(await requests("1")) - before[0], (await requests("2")) - before[1]] as const;
  const sum = picked[0] + picked[1];
  t.comment(`${describeLoad(results)}; after the last change ${picked[0]} and ${picked[1]} of ${sum}`);
  t.equal(failed(results).length, 0, "every request is answered");
  // |n - N w| < 1 + k w on each of two shards; a request in flight at either reading moves it by one more.
  t.ok(Math.abs(picked[1] - sum / 4) <= 2 * (1 + 2 * 0.25) + 4, "the share is exact within the bound");
});
