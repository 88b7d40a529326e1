/** Clients that hold on to connections: others are served, memory stays bounded, and they are cut. */
import { fileURLToPath } from "node:url";
import t, { type Test } from "tap";
import { type Comparison, compareAlternating, describeComparison } from "../support/alternation.js";
import { BadCrowd } from "../support/bad-crowd.js";
import { BalancerProcess, until } from "../support/balancer-process.js";
import { isInNamespace, runInNamespace } from "../support/network-namespace.js";
import { FragileFleet } from "../support/fragile-fleet.js";
import { MemoryWatch } from "../support/memory-watch.js";
import { describeLoad, OpenLoad } from "../support/open-load.js";
import { realJsonFiles } from "../support/real-files.js";
import { WorkerFleet } from "../support/worker-fleet.js";

const files = realJsonFiles(50);
const clientCount = 1_000;
const mebibyte = 1024 * 1024;
/** What the kernel takes for a client that does not read; elsewhere up to 4 MB, which are not the balancer's memory. */
const sockets = { "net.ipv4.tcp_wmem": "4096 16384 65536", "net.ipv4.tcp_rmem": "4096 16384 32768" };
const bigReportBytes = 200_000;
/** Both shards' together are a fifth of what the 1,000 do not read. */
const replyBytesMax = 12 * mebibyte;
const loadConnectionsMax = 64;
const ratioMax = 1.5;
t.setTimeout(200_000);

if (isInNamespace) runTests();
else void t.test("where sockets take little", (t) => runInNamespace(t, fileURLToPath(import.meta.url), sockets));

function runTests(): void {
  void t.test("1,000 clients that send a byte a second: others do not notice, and they are cut", async (t) => {
    const scene = await startScene(t, { requestTimeoutMs: "2s" });
    const { crowd, load, balancer } = scene;
    const arrive = (): void => crowd.add(["slow-head", "slow-body"], "/v1/lint/json", clientCount, 500);
    const comparison = await compareAlternating({ load, ratioMax, disturb: arrive, calm: () => everybodyGone(scene) });

    // Those whose head never comes are ended by uWebSockets.js, which counts to 10 s.
    arrive();
    await until(() => crowd.ended === clientCount, 40_000, () => `the clients to be cut; ${crowd.ended} are`);
    const { "408": told, "": silent, ...others } = crowd.endings;
    t.comment(`${told ?? 0} told 408, ${silent ?? 0} closed without a word`);
    t.same(others, {}, "408 or closed");
    t.equal(told, clientCount / 2, "those whose head had come are told");
    await finish(t, scene, comparison);
    await untilNobody(balancer);
  });

  void t.test("1,000 clients that never read their reply: others do not notice, memory stays bounded, and they are cut", async (t) => {
    const scene = await startScene(t, { replyBytesHeldPerShardMax: replyBytesMax, requestTimeoutMs: "3s", deadlineMs: "30s", attemptTimeoutMs: "30s" });
    const { crowd, load, balancer } = scene;
    let heldMax = 0;
    const watching = setInterval(() => void balancer.metricMax("lintel_shard_reply_bytes_held").then((bytes) => (heldMax = Math.max(heldMax, bytes)), () => undefined), 100);
    t.teardown(() => clearInterval(watching));
    const settled = (): Promise<number> => balancer.metric("lintel_requests_total", { language: "big" });
    // What comes before they do not read is work like anybody's: the others are watched from when all have come, until the last is cut.
    const arrive = async (): Promise<void> => {
      const before = await settled();
      crowd.add(["deaf"], "/v1/lint/big", clientCount, 2_000);
      await until(async () => (await settled()) - before >= clientCount / 4, 20_000, () => "the first to be cut, because a shard holds all it may");
      await until(async () => (await balancer.metric("lintel_shard_exchanges_in_flight")) <= loadConnectionsMax && crowd.open === clientCount, 20_000, () => "everybody to have come");
    };
    const comparison = await compareAlternating({ load, ratioMax, disturb: arrive, calm: () => everybodyGone(scene) });

    const before = await settled();
    await arrive();
    // They read nothing, so they do not see it.
    await until(async () => (await settled()) - before === clientCount, 20_000, () => "every one to be cut");
    clearInterval(watching);
    const outcome = (code: string): Promise<number> => balancer.metric("lintel_requests_total", { language: "big", code });
    const [cut, refused, all] = [await outcome("499"), await outcome("503"), await settled()];
    t.comment(`${cut} of ${all} cut (${refused} came when their worker had its fill), each with a reply of ${bigReportBytes} bytes; a shard held at most ${(heldMax / mebibyte).toFixed(1)} MiB of them`);
    t.equal(cut + refused, all, "each that got a report is cut, by the bound or by the time");
    t.ok(cut > all / 2, `${cut} of ${all} got one`);
    t.ok(heldMax > replyBytesMax / 2 && heldMax <= replyBytesMax, "the bound was reached and kept");
    await finish(t, scene, comparison);
    crowd.disperse();
    await untilNobody(balancer);
  });

  void t.test("clients that ask for documents without end, all at once or one by one, and never read: memory stays bounded", async (t) => {
    const scene = await startScene(t, {});
    const { crowd, load, balancer } = scene;
    const arrive = (): void => crowd.add(["greedy", "patient"], "/openapi.json", 200, 1_500);
    const comparison = await compareAlternating({ load, ratioMax, disturb: arrive, calm: () => everybodyGone(scene) });
    await finish(t, scene, comparison);
    await untilNobody(balancer);
  });
}

interface Scene {
  readonly balancer: BalancerProcess;
  readonly load: OpenLoad;
  readonly crowd: BadCrowd;
  readonly memory: MemoryWatch;
}

async function startScene(t: Test, limits: Readonly<Record<string, string | number>>): Promise<Scene> {
  const fleet = new WorkerFleet();
  t.teardown(() => fleet.stop());
  const talkative = new FragileFleet();
  t.teardown(() => talkative.stop());
  await Promise.all([fleet.start({ language: "json", version: "1" }), fleet.start({ language: "json", version: "1" })]);
  await talkative.start(1, ["--language", "big", "--takes-ms", "0", "--report-bytes", String(bigReportBytes)]);
  const json = [{ version: "1", weight: 1, workers: fleet.workers.map(({ id }) => id) }];
  const big = [{ version: "1", weight: 1, workers: talkative.addresses }];
  const balancer = await BalancerProcess.start({ limits, languages: { json, big } });
  t.teardown(() => balancer.stop());
  const load = new OpenLoad({ url: balancer.url, files, perSecond: 200 });
  t.teardown(() => load.stop());
  const crowd = new BadCrowd(balancer.port);
  t.teardown(() => crowd.stop());
  await until(() => load.results.length >= 300, 20_000, () => "the load to flow");
  const memory = new MemoryWatch(balancer.child!.pid!);
  t.teardown(() => memory.stop());
  return { balancer, load, crowd, memory };
}

/** The bad clients go by themselves, and only the load's connections are left. */
async function everybodyGone({ crowd, balancer }: Scene): Promise<void> {
  crowd.disperse();
  await until(async () => (await balancer.metric("lintel_shard_connections")) <= loadConnectionsMax, 10_000, () => "the bad clients to be gone");
  await until(async () => (await balancer.metric("lintel_shard_reply_bytes_held")) === 0, 10_000, () => "their replies to be dropped");
}

/** What holds for all of these. */
async function finish(t: Test, { load, memory }: Scene, comparison: Comparison): Promise<void> {
  const results = await load.stop();
  const { beforeBytes, highestBytes } = memory;
  t.comment(`others: ${describeLoad(results)}`);
  t.comment(describeComparison(comparison));
  t.comment(`resident memory: ${(beforeBytes / mebibyte).toFixed(0)} MiB before, at most ${(highestBytes / mebibyte).toFixed(0)} MiB`);
  t.ok(comparison.ratio <= ratioMax, `others' p99 is at most ${ratioMax} x`);
  t.ok(highestBytes - beforeBytes < 300 * mebibyte, "memory stays bounded");
  t.equal(results.filter(({ status }) => status !== 200).length, 0, "no other request failed");
}

/** Every connection is gone and nothing is held for it. */
async function untilNobody(balancer: BalancerProcess): Promise<void> {
  for (const name of ["lintel_shard_connections", "lintel_shard_exchanges_in_flight", "lintel_shard_body_bytes_held", "lintel_shard_reply_bytes_held"]) {
    await until(async () => (await balancer.metric(name)) === 0, 20_000, () => `${name} to be 0`);
  }
}
