/**
 * For how long a swap stops a shard under load: what crosses between the threads is copied there, and the new root is built. The
 * shard's own parts, with connections that are open at once, choosing workers between the pieces; no thread, no socket, so that
 * nothing else is measured.
 */
import { deserialize, serialize } from "node:v8";
import { nextShare } from "../../src/balancing/worker-part.js";
import { createSlotBook } from "../../src/balancer/slots.js";
import { SnapshotTransfer } from "../../src/balancer/snapshot-transfer.js";
import { systemClock } from "../../src/base/clock.js";
import { seededRandom } from "../../src/base/random.js";
import { ShardRoot } from "../../src/shard/root.js";
import type { ToShard } from "../../src/shard/messages.js";
import { defaultStatisticsSizes, Statistics } from "../../src/shard/statistics.js";
import { defaultConfiguration } from "../../src/snapshot/configuration.js";
import type { LanguageSnapshot } from "../../src/snapshot/snapshot.js";
import type { OpenConnection } from "../../src/upstream/connection.js";
import { type FleetSize, languagesOf, withWeight, workersIn } from "./fleet-size.js";
import { type Spread, spreadOf } from "./spread.js";

export interface SwapPause {
  readonly what: string;
  readonly ms: Spread;
}

export interface SwapPauseResult {
  readonly workers: number;
  /** Those this shard, one of two, connects to. */
  readonly connections: number;
  /** Of a shard that serves. */
  readonly pauses: readonly SwapPause[];
  /** Of one that serves nobody yet. */
  readonly start: readonly SwapPause[];
  /** What the shard's side of it takes. */
  readonly heapMiB: number;
}

/** A large difference comes in batches, of which each stops the shard for itself; the swap comes last. */
interface Piece {
  readonly kind: "stage" | "snapshot";
  readonly ms: number;
}

const shardStarts = 5;

const openAtOnce: OpenConnection = (_options, events) => {
  queueMicrotask(() => events.onOpen());
  const description = { language: "", version: "", linterName: "x", linterVersion: "1", formats: [], documentationUrl: "" };
  return { lint: () => 0, cancel: () => undefined, describe: () => Promise.resolve(description), availableCalls: () => 1, drain: () => undefined, close: () => undefined };
};

const requestsBetweenPieces = 200;
/** What busy shards have in flight at a worker, on average. */
const inFlightMax = 4;

/** One shard and its transfer; every piece is timed. */
class Bench {
  readonly pieces: Piece[] = [];
  readonly root: ShardRoot;
  private readonly slots = createSlotBook(defaultStatisticsSizes, () => undefined);
  private readonly transfer: SnapshotTransfer;
  private revision = 0;
  private share = 1;
  private requests = 0;
  private readonly random = seededRandom(2);

  constructor(shards: number) {
    const { limits, http } = defaultConfiguration();
    this.root = new ShardRoot({
      clock: systemClock,
      random: seededRandom(1),
      statistics: new Statistics(Statistics.allocate()),
      openConnection: openAtOnce,
      limits: { ...limits, bodyBytesMax: http.bodyBytesMax },
      place: { shard: 0, shards, balancer: "bench" },
      onReconnected: () => undefined,
      onUsable: () => undefined,
    });
    this.transfer = new SnapshotTransfer((message) => this.receive(message), "shard 0");
  }

  async apply(languages: readonly LanguageSnapshot[]): Promise<void> {
    const snapshot = { revision: ++this.revision, nonce: this.revision, languages };
    this.slots.reserve(snapshot);
    const workers = languages.reduce((sum, { versions }) => sum + versions.reduce((inner, one) => inner + one.workers.length, 0), 0);
    this.share = nextShare(this.share, workers, defaultConfiguration().limits.connectionsPerShardMax);
    await this.transfer.apply({ snapshot, share: this.share, slotsOf: (some) => this.slots.of(some) });
  }

  /** What a loaded shard does between two messages: its caches and its garbage are those of requests. */
  private serve(): void {
    const nowMs = systemClock.nowMs();
    for (let index = 0; index < requestsBetweenPieces; index++) {
      const language = this.root.active.languages.get(`language-${this.requests++ % this.root.active.languages.size}`);
      const version = language?.versions[language.counter.pick()];
      const worker = version?.choice.choose([], nowMs, this.random);
      if (worker === undefined) continue;
      worker.inFlight = (worker.inFlight + 1) % inFlightMax;
    }
  }

  /** As the shard's thread does, and answers on a later turn; requests are chosen for in between. */
  private receive(message: ToShard): void {
    this.serve();
    const bytes = serialize(message);
    const startMs = performance.now();
    const copy = deserialize(bytes) as ToShard;
    if (copy.kind === "stage") this.root.stage(copy.batch);
    else if (copy.kind === "snapshot") this.root.update(copy.update);
    if (copy.kind === "stage" || copy.kind === "snapshot") this.pieces.push({ kind: copy.kind, ms: performance.now() - startMs });
    const { revision } = this;
    setImmediate(() => this.transfer.hear(copy.kind === "stage" ? { kind: "staged" } : { kind: "applied", revision, nonce: revision }));
  }
}

export async function measureSwapPause(size: FleetSize, rounds: number): Promise<SwapPauseResult> {
  const heapBefore = process.memoryUsage().heapUsed;
  let languages: readonly LanguageSnapshot[] = languagesOf(size);
  const starts: Piece[] = [];
  for (let index = 0; index < shardStarts; index++) {
    const fresh = new Bench(2);
    await fresh.apply(languages);
    starts.push(...fresh.pieces);
    fresh.root.close();
  }
  const bench = new Bench(2);
  await bench.apply(languages);
  const measure = async (count: number, change: (index: number) => readonly LanguageSnapshot[]): Promise<Piece[]> => {
    bench.pieces.length = 0;
    for (let index = 0; index < count; index++) {
      languages = change(index);
      await bench.apply(languages);
    }
    return bench.pieces.slice();
  };
  const reweigh = (some: number) => (index: number) => languages.map((one, at) => (at < some ? withWeight([one], 0, 30 + (index % 50))[0]! : one));
  const pauses: SwapPause[] = [
    ...pausesOf("one weight", await measure(rounds, (index) => withWeight(languages, index, 30 + (index % 50)))),
    ...pausesOf("one worker gone", await measure(rounds, (index) => withoutWorker(languages, index))),
    ...pausesOf("a weight in a tenth of the languages", await measure(rounds / 4, reweigh(size.languages / 10))),
    ...pausesOf("a weight in every language", await measure(rounds / 10, reweigh(size.languages))),
  ];
  const connections = [...bench.root.active.workers.values()].length;
  const heapMiB = (process.memoryUsage().heapUsed - heapBefore) / 1024 / 1024;
  bench.root.close();
  return { workers: workersIn(size), connections, pauses, start: pausesOf("a shard that starts", starts), heapMiB };
}

function pausesOf(what: string, pieces: readonly Piece[]): SwapPause[] {
  const timesOf = (kind: Piece["kind"]): number[] => pieces.filter((piece) => piece.kind === kind).map(({ ms }) => ms);
  const batches = timesOf("stage");
  return [...(batches.length === 0 ? [] : [{ what: `${what}: a batch`, ms: spreadOf(batches) }]), { what: `${what}: the swap`, ms: spreadOf(timesOf("snapshot")) }];
}

function withoutWorker(languages: readonly LanguageSnapshot[], index: number): LanguageSnapshot[] {
  return languages.map((language, at) => {
    if (at !== index % languages.length) return language;
    const [first, ...rest] = language.versions;
    return { ...language, versions: [{ ...first!, workers: first!.workers.slice(1) }, ...rest] };
  });
}
