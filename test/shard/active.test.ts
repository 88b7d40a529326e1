// The root of a shard over many snapshots: what a snapshot says is what is there, and who stays is who was there.
import fc from "fast-check";
import t from "tap";
import { partOf } from "../../src/balancing/worker-part.js";
import { seededRandom } from "../../src/base/random.js";
import { type Active, buildActive, emptyActive } from "../../src/shard/active.js";
import type { ActiveWorker } from "../../src/shard/active-worker.js";
import { Statistics } from "../../src/shard/statistics.js";
import type { LanguageSnapshot } from "../../src/snapshot/snapshot.js";
import { Upstream, defaultUpstreamOptions } from "../../src/upstream/upstream.js";
import { ManualClock } from "../support/manual-clock.js";

const seed = Number(process.env["LINTEL_TEST_SEED"] ?? 31_337);
const place = { shard: 1, shards: 4, balancer: "b1" };

/** Twenty workers and some, so that parts differ from wholes; ids move between ports now and then. */
const workers = fc.record({ first: fc.nat(3), count: fc.constantFrom(0, 3, 24), port: fc.constantFrom(1, 1, 1, 2) }).map(({ first, count, port }) => Array.from({ length: count }, (_, index) => ({ id: `w${first + index}`, host: "h", port: index === 0 ? port : 1 })));
const version = fc.record({ weight: fc.nat(3), workers });
const languages = fc.array(fc.record({ language: fc.constantFrom("x", "y"), versions: fc.array(version, { maxLength: 2 }) }), { maxLength: 2 });
const step = fc.record({ languages, share: fc.constantFrom(1, 1 / 4, 1 / 4), widened: fc.boolean(), onlyWeights: fc.boolean() });

function snapshotsOf(given: readonly { readonly language: string; readonly versions: readonly { readonly weight: number; readonly workers: LanguageSnapshot["versions"][number]["workers"] }[] }[]): LanguageSnapshot[] {
  const byName = new Map(given.map((one) => [one.language, one]));
  return [...byName.values()].map(({ language, versions }) => ({ language, extensions: [], spill: true, versions: versions.map((one, index) => ({ version: String(index), ...one })) }));
}

function reweighed(given: readonly LanguageSnapshot[]): LanguageSnapshot[] {
  return given.map((one) => ({ ...one, versions: one.versions.map((version) => ({ ...version, weight: version.weight + 1 })) }));
}

function byPlace({ languages: all }: Active): Map<string, ActiveWorker> {
  const found = new Map<string, ActiveWorker>();
  for (const { language, versions } of all.values()) for (const one of versions) for (const worker of one.workers) found.set(`${language} ${one.version} ${worker.id} ${worker.upstream.endpoint.port}`, worker);
  return found;
}

void t.test(`every version has its weight and its part of the workers, and workers that stay are the same (seed ${seed})`, (t) => {
  const clock = new ManualClock();
  const statistics = new Statistics(Statistics.allocate());
  const slots = { languages: {}, versions: {}, workers: {} };
  const openConnection = (): never => {
    throw new Error("nothing is connected here");
  };
  const upstream = { clock, random: seededRandom(1), openConnection, options: defaultUpstreamOptions, onStateChange: () => undefined };
  let kept = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 2, maxLength: 6 }), (steps) => {
      let active = emptyActive;
      const widened = new Set<string>();
      let wanted: LanguageSnapshot[] = [];
      for (const [index, one] of steps.entries()) {
        wanted = one.onlyWeights ? reweighed(wanted) : snapshotsOf(one.languages);
        if (one.widened) widened.add("x 0");
        const removed = [...active.languages.keys()].filter((name) => !wanted.some(({ language }) => language === name));
        // Copied, as between threads.
        const update = { revision: index + 1, nonce: index + 1, whole: false, removed, share: one.share, languages: structuredClone(wanted), slots };
        const before = byPlace(active);
        const built = buildActive(update, [], active, { nowMs: 0, random: seededRandom(index), statistics, place, widened, openUpstream: (endpoint, expected) => new Upstream(endpoint, expected, upstream) });
        active = built.active;
        const now = byPlace(active);
        const departed = new Set(built.departed);
        for (const [key, worker] of before) {
          if (now.get(key) === worker) kept++;
          else if (now.has(key)) throw new Error(`${key} was made anew`);
          if (departed.has(worker) === now.has(key)) throw new Error(`${key} ${now.has(key) ? "stays and is sent away" : "goes and is kept"}`);
        }
        for (const { language, versions } of wanted) {
          for (const { version: name, weight, workers: all } of versions) {
            const found = active.languages.get(language)?.versions.find((other) => other.version === name);
            const part = widened.has(`${language} ${name}`) ? all : partOf(all, place, one.share);
            const ids = (some: readonly { readonly id: string }[]): string => some.map(({ id }) => id).sort().join();
            if (found?.weight !== weight || ids(found.workers) !== ids(part)) throw new Error(`${language} ${name}: ${found?.weight} [${ids(found?.workers ?? [])}] instead of ${weight} [${ids(part)}]`);
            if (found.partial !== part.length < all.length) throw new Error(`${language} ${name}: partial is ${found.partial}`);
            if (found.workers.some(({ choice }) => choice !== found.choice)) throw new Error("a worker is chosen from an older set");
          }
        }
      }
    }),
    { seed, numRuns: 300 },
  );
  t.ok(kept > 500, `${kept} workers stayed`);
  t.end();
});
