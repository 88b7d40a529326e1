import t from "tap";
import { systemClock } from "../../src/base/clock.js";
import type { LanguageSnapshot, VersionSnapshot } from "../../src/snapshot/snapshot.js";
import { startBalancerWith } from "../support/balancer-in-process.js";
import { freePort } from "../support/balancer-process.js";
import { type LightWorker, startLightWorker } from "../support/light-workers.js";
import { OpenLoad } from "../support/open-load.js";
import { waitUntil } from "../support/wait-until.js";

const files = [{ path: "/v1/lint/python", source: Buffer.from("import os\n") }];

function language(name: string, ...versions: readonly VersionSnapshot[]): LanguageSnapshot {
  // Without spill: whoever is given a version that cannot serve would get 503.
  return { language: name, extensions: [], spill: false, versions };
}

function version(name: string, weight: number, ...workers: readonly Pick<LightWorker, "id" | "host" | "port">[]): VersionSnapshot {
  return { version: name, weight, workers: workers.map(({ id, host, port }) => ({ id, host, port })) };
}

void t.test("a version gets its first traffic when every shard can use it; no request fails, other languages do not wait", async (t) => {
  const [old, css] = await Promise.all([startLightWorker("python", "1"), startLightWorker("css", "1")]);
  const port = await freePort();
  const coming = { id: `127.0.0.1:${port}`, host: "127.0.0.1", port };
  const { balancer, url } = await startBalancerWith([language("python", version("1", 1, old)), language("css", version("1", 1, css))]);
  t.teardown(async () => {
    await balancer.drain();
    for (const worker of [old, css]) worker.end();
  });
  const load = new OpenLoad({ url, files, perSecond: 300, connections: 8 });
  await waitUntil("the load to flow", () => load.results.length > 50);

  const applied = balancer.apply({ revision: 2, nonce: 2, languages: [language("python", version("1", 0, old), version("2", 1, coming)), language("css", version("1", 7, css))] });
  await waitUntil("the other language to swap", () => balancer.snapshot.languages[1]?.versions[0]?.weight === 7);
  t.same(balancer.standing(), {
    shardRevisions: [1, 1], notReadyBecause: "",
    waiting: [0, 1].map((shard) => ({ language: "python", version: "2", shard, reason: "" })),
  });
  const before = load.results.length;
  await waitUntil("the old version to go on serving", () => load.results.length > before + 100);

  const worker = await startLightWorker("python", "2", port);
  t.teardown(() => worker.end());
  t.same(await applied, { kind: "applied" });
  t.same(balancer.standing(), { shardRevisions: [2, 2], notReadyBecause: "", waiting: [] });
  await waitUntil("the new version to serve", () => worker.answered > 100);
  const results = await load.stop();
  t.same(results.filter(({ status }) => status !== 200), [], `none of ${results.length} requests failed`);
  t.same([...new Set(results.map(({ version: name }) => name))].sort(), ["1", "2"]);
});

void t.test("a version that never comes gets its share after the deadline, and a newer snapshot need not wait for that", async (t) => {
  const worker = await startLightWorker("python", "1");
  const nobody = { id: "nobody", host: "127.0.0.1", port: await freePort() };
  const { balancer } = await startBalancerWith([language("python", version("1", 1, worker))], 1, { handoverTimeoutMs: 300 });
  t.teardown(async () => {
    await balancer.drain();
    worker.end();
  });
  const wanted = (weight: number): LanguageSnapshot[] => [language("python", version("1", 9, worker), version("2", weight, nobody))];
  const superseded = balancer.apply({ revision: 2, nonce: 2, languages: wanted(1) });
  t.same(await balancer.apply({ revision: 3, nonce: 3, languages: wanted(0) }), { kind: "applied" });
  t.same(await superseded, { kind: "superseded" });
  const startMs = systemClock.nowMs();
  t.same(await balancer.apply({ revision: 4, nonce: 4, languages: wanted(1) }), { kind: "applied" });
  t.ok(systemClock.nowMs() - startMs >= 299, "not before its time");
  t.equal(balancer.snapshot.revision, 4);
});

void t.test("beyond the limit of connections each shard has its part, and users are spread over all workers evenly", async (t) => {
  const workers = await Promise.all(Array.from({ length: 40 }, () => startLightWorker("python", "1")));
  const { balancer, url } = await startBalancerWith([language("python", version("1", 1, ...workers))], 4, { connectionsPerShardMax: 16 });
  t.teardown(async () => {
    await balancer.drain();
    for (const worker of workers) worker.end();
  });
  await balancer.untilUsable(30_000);
  const partsNow = async (): Promise<string[][]> => (await balancer.status()).shards.map(({ status }) => status!.workers.map(({ id }) => id));
  const parts = await partsNow();
  t.same(parts.map((part) => part.length), [10, 10, 10, 10]);
  t.equal(new Set(parts.flat()).size, 40, "every worker is one shard's");

  const load = new OpenLoad({ url, files, perSecond: 1_000, connections: 64 });
  // A shard that got few connections takes longer to have come to everybody.
  await waitUntil("nobody to be left out", () => load.results.length >= 1_500 && workers.every(({ answered }) => answered > 0));
  const results = await load.stop();
  t.ok(results.every(({ status }) => status === 200));

  // All of a shard's part dies: it takes the others, rather than refuse anybody.
  const dead = new Set(parts[0]);
  for (const worker of workers) if (dead.has(worker.id)) worker.end();
  await waitUntil("the shard to have found others", async () => (await partsNow())[0]!.length === 40);
  await waitUntil("the shard to serve again", () => balancer.notReadyBecause() === "");
});
