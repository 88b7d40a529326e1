/**
 * A version rolled out as an administrator does it (docs/admin.md, "Rolling out a version"), with a manager and two balancers: every
 * request is answered, and each share is exact from the moment the command that set it has returned.
 */
import { chmodSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { type Follower, startFollower, startManager } from "../support/managed-service.js";
import { describeLoad, type LoadResult, OpenLoad } from "../support/open-load.js";
import { realJsonFiles } from "../support/real-files.js";
import { administratorOf } from "../support/run-admin.js";
import { folderWith, type LintelRun, runLintel } from "../support/run-lintel.js";
import { waitUntil } from "../support/wait-until.js";

const perSecond = 60;
/** Of both balancers together, in each phase. */
const requestsPerPhase = 400;

/** A linter that finds a fault in everything, as a bad build might. */
const badLinter = "#!/bin/sh\ncat > /dev/null\necho '-:1:1: error false-alarm: nothing is wrong here'\n";

/** What the two balancers answer, from both loads. */
class Watcher {
  private readonly loads: OpenLoad[];

  constructor(
    private readonly t: Test,
    balancers: readonly Follower[],
  ) {
    this.loads = balancers.map(({ url }) => new OpenLoad({ url, files: realJsonFiles(50), perSecond }));
    t.teardown(() => Promise.all(this.loads.map((load) => load.stop())));
  }

  /** The next few hundred requests that are due from now on have exactly these shares. */
  async sees(shares: Readonly<Record<string, number>>, when: string): Promise<void> {
    const froms = this.loads.map((load) => load.nowMs);
    const tillMs = ((requestsPerPhase / this.loads.length) * 1000) / perSecond;
    await Promise.all(this.loads.map((load, index) => load.settled((froms[index] ?? 0) + tillMs)));
    const seen = this.loads.flatMap((load, index) => load.results.filter(({ dueMs }) => dueMs >= (froms[index] ?? 0) && dueMs < (froms[index] ?? 0) + tillMs));
    const sum = Object.values(shares).reduce((total, weight) => total + weight, 0);
    const counts = Object.keys(shares).map((version) => `${version}: ${countOf(seen, version)}`);
    this.t.comment(`${when}: ${counts.join(", ")} of ${seen.length}`);
    for (const [version, weight] of Object.entries(shares)) {
      const share = weight / sum;
      // |n - N w| < 1 + k w at either end of the window, on the one shard of each balancer; weight 0 is none at all.
      const bound = weight === 0 ? 0 : this.loads.length * 2 * (1 + Object.keys(shares).length * share);
      const off = Math.abs(countOf(seen, version) - seen.length * share);
      this.t.ok(off <= bound, `${when}: ${version} has its share of ${weight}/${sum} (off by ${off.toFixed(1)} of ${seen.length})`);
    }
    this.t.equal(seen.filter(({ version }) => shares[version] === undefined).length, 0, `${when}: nobody else answers`);
  }

  async stop(): Promise<readonly LoadResult[]> {
    return (await Promise.all(this.loads.map((load) => load.stop()))).flat();
  }
}

function countOf(results: readonly LoadResult[], version: string): number {
  return results.filter((result) => result.version === version).length;
}

void t.test("register 2.0, a hundredth, half, a bad sign, undo, a fix, all of it, unregister 1.0: under load", { timeout: 240_000 }, async (t) => {
  const folder = folderWith({ "bad-linter": badLinter, "good.json": '{ "good": true }\n' });
  t.teardown(folder.remove);
  chmodSync(join(folder.path, "bad-linter"), 0o755);
  const manager = await startManager(t, join(folder.path, "manager.json"));
  const { does, asks, tries } = administratorOf(manager.address);
  await does("register", "json", "1.0", "--builtin", "json", "--replicas", "2", "--weight", "1");
  const [one, two] = await Promise.all(["b1", "b2"].map((name) => startFollower(t, manager.address, { name, state: folder.path }))) as [Follower, Follower];
  await does("status", "--wait");
  const users = new Watcher(t, [one, two]);
  await users.sees({ "1.0": 1 }, "before");

  // Its workers may still be starting: the first share waits for them, and nobody else does.
  await does("register", "json", "2.0", "--command", join(folder.path, "bad-linter"), "--report", "lines", "--replicas", "2", "--wait");
  await does("weights", "json", "1.0=99", "2.0=1", "--wait=60s", "--reason", "2.0, first hundredth");
  await users.sees({ "1.0": 99, "2.0": 1 }, "a hundredth");
  t.match(await asks("status"), { balancers: { b1: { acked: 3, shards: [3] }, b2: { acked: 3, shards: [3] } }, languages: { json: { versions: { "2.0": { share: 0.01 } } } } }, "status shows it on both balancers");

  await does("weights", "json", "1.0=50", "2.0=50", "--wait=60s");
  await users.sees({ "1.0": 50, "2.0": 50 }, "half");

  const goodFileBy = (version: string): Promise<LintelRun> => runLintel(["lint", "--url", one.url, "--language", "json", "--lint-version", version, "good.json"], { cwd: folder.path });
  const sign = await goodFileBy("2.0");
  t.equal(sign.code, 1);
  t.match(sign.stdout, /good\.json:1:1: error .*nothing is wrong here/, "a bad sign");
  await does("undo", "--wait=60s", "--reason", "2.0 finds faults where there are none");
  await users.sees({ "1.0": 99, "2.0": 1 }, "after undo");

  const tooEarly = await tries("unregister", "json", "2.0");
  t.equal(tooEarly.code, 1, "a version with weight stays");
  await does("weights", "json", "1.0=1", "2.0=0", "--wait=60s");
  await users.sees({ "1.0": 1, "2.0": 0 }, "without 2.0");
  await does("unregister", "json", "2.0", "--wait=60s");
  await does("register", "json", "2.0.1", "--builtin", "json", "--replicas", "2", "--wait");
  await does("weights", "json", "1.0=99", "2.0.1=1", "--wait=60s");
  await users.sees({ "1.0": 99, "2.0.1": 1 }, "a hundredth of the fix");
  t.equal((await goodFileBy("2.0.1")).code, 0, "a good sign");

  await does("weights", "json", "2.0.1=100", "--wait=60s", "--reason", "2.0.1 for all");
  await users.sees({ "1.0": 0, "2.0.1": 1 }, "all of it");
  await does("unregister", "json", "1.0", "--wait=60s");
  await waitUntil("its workers to leave", async () => !JSON.stringify(await asks("workers")).includes("json-1.0-"), 60_000);
  await users.sees({ "2.0.1": 1 }, "at the end");

  const results = await users.stop();
  t.comment(describeLoad(results));
  t.same(results.filter(({ status }) => status !== 200).map(({ status, error }) => `${status} ${error}`), [], "no request failed");
  t.match(await does("history"), /undo +2\.0 finds faults where there are none/);
});
