/**
 * The four attacks of slowhttptest, which everybody can have, against the users' port: slow heads (Slowloris), slow bodies (R-U-Dead-Yet), the many
 * ranges of the Apache killer, slow reading. Others are served all the while, memory stays bounded, and nothing is left of them.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import t, { type Test } from "tap";
import { missing } from "../interop/debian.js";
import { BalancerProcess, until } from "../support/balancer-process.js";
import { MemoryWatch } from "../support/memory-watch.js";
import { describeLoad, OpenLoad } from "../support/open-load.js";
import { realJsonFiles } from "../support/real-files.js";
import { WorkerFleet } from "../support/worker-fleet.js";

const connections = 400;
const connectionsPerSecond = 200;
/** Two seconds until all have come, and as many with all of them. */
const seconds = 4;
const loadPerSecond = 100;
const loadConnectionsMax = 32;
const mebibyte = 1024 * 1024;
/** The two shards may hold 64 MiB of replies each for those who do not read, and whatever an upload and a connection take comes to that. */
const memoryGrowthMax = 200 * mebibyte;
t.setTimeout(180_000);

interface Attack {
  readonly name: string;
  readonly flags: readonly string[];
  readonly path: string;
  /** Whether its connections stay until they are cut; those of the others end with their answer. */
  readonly stays: boolean;
}

const attacks: readonly Attack[] = [
  { name: "slow heads", flags: ["-H", "-i", "1", "-x", "24"], path: "/v1/lint/json", stays: true },
  { name: "slow bodies", flags: ["-B", "-i", "1", "-s", "8192", "-x", "10", "-t", "POST"], path: "/v1/lint/json", stays: true },
  { name: "thousands of ranges", flags: ["-R", "-a", "5", "-b", "3000", "-t", "GET"], path: "/openapi.json", stays: false },
  { name: "slow reading", flags: ["-X", "-k", "3", "-w", "10", "-y", "20", "-n", "1", "-z", "5"], path: "/openapi.json", stays: true },
];

const skip = missing("slowhttptest", ["sh", "-c", "command -v slowhttptest"]);
for (const { name, flags, path, stays } of attacks) {
  void t.test(`${name}: others are served, memory stays bounded, and nothing is left`, { skip }, async (t) => {
    const { balancer, load, memory } = await startScene(t);
    const fromMs = load.nowMs;
    let connectionsMax = 0;
    const watching = setInterval(() => void balancer.metric("lintel_shard_connections").then((count) => (connectionsMax = Math.max(connectionsMax, count)), () => undefined), 100);
    t.teardown(() => clearInterval(watching));
    const said = await slowHttpTest(t, [...flags, "-c", String(connections), "-r", String(connectionsPerSecond), "-l", String(seconds), "-p", "3", "-u", `${balancer.url}${path}`]);
    clearInterval(watching);
    await load.settled(load.nowMs);
    const during = load.results.filter(({ dueMs }) => dueMs >= fromMs);
    t.comment(`others, meanwhile: ${describeLoad(during)}`);
    t.comment(`at most ${connectionsMax} connections; resident memory: ${(memory.beforeBytes / mebibyte).toFixed(0)} MiB before, at most ${(memory.highestBytes / mebibyte).toFixed(0)} MiB`);
    t.match(said, /service available:\s+YES/, "slowhttptest itself is served");
    if (stays) t.ok(connectionsMax > connections / 2, "it was an attack");
    else t.match(said, /No open connections left/, "all came, and each was answered");
    t.ok(during.length > loadPerSecond, "others asked meanwhile");
    t.equal(during.filter(({ status }) => status !== 200).length, 0, "none of them failed");
    t.ok(memory.highestBytes - memory.beforeBytes < memoryGrowthMax, "memory stays bounded");

    await load.stop();
    for (const metric of ["lintel_shard_connections", "lintel_shard_exchanges_in_flight", "lintel_shard_body_bytes_held", "lintel_shard_reply_bytes_held"]) {
      await until(async () => (await balancer.metric(metric)) === 0, 20_000, () => `${metric} to be 0`);
    }
    t.equal(balancer.child?.exitCode, null, "the same process goes on");
  });
}

async function startScene(t: Test): Promise<{ balancer: BalancerProcess; load: OpenLoad; memory: MemoryWatch }> {
  const fleet = new WorkerFleet();
  t.teardown(() => fleet.stop());
  const worker = await fleet.start({ language: "json", version: "1" });
  const balancer = await BalancerProcess.start({ languages: { json: [{ version: "1", weight: 1, workers: [worker.id] }] } });
  t.teardown(() => balancer.stop());
  const load = new OpenLoad({ url: balancer.url, files: realJsonFiles(50), perSecond: loadPerSecond, connections: loadConnectionsMax });
  t.teardown(() => load.stop());
  await until(() => load.results.length >= loadPerSecond, 20_000, () => "the load to flow");
  const memory = new MemoryWatch(balancer.child!.pid!);
  t.teardown(() => memory.stop());
  return { balancer, load, memory };
}

/** What it printed last, without its colours. Ends by its own limit of time. */
async function slowHttpTest(t: Test, args: readonly string[]): Promise<string> {
  const child = spawn("slowhttptest", args, { stdio: ["ignore", "pipe", "pipe"] });
  t.teardown(() => child.kill("SIGKILL"));
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  await once(child, "close");
  // eslint-disable-next-line no-control-regex -- that is what colours are
  return output.replace(/\x1b\[[0-9;]*[A-Za-z]/g, "");
}
