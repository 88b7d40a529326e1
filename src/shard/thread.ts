/**
 * The thread: wires one shard together and talks to the main thread. Started by balancer/shard-thread.ts
 * as a worker thread with `ShardOptions` as its data.
 *
 * A worker thread that ends while it holds a native handle aborts the whole process. So every way out goes
 * through `leave`: close the app first, end on a later turn.
 */
import { randomBytes } from "node:crypto";
import { getHeapStatistics } from "node:v8";
import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../base/assert.js";
import { delay, systemClock } from "../base/clock.js";
import { messageOf } from "../base/errors.js";
import { systemRandom } from "../base/random.js";
import { createHttp2Connector } from "../upstream/http2-connector.js";
import { ApiKeys } from "./api-keys.js";
import { ClientLimit } from "./client-limit.js";
import { documents } from "./documents.js";
import { Listener } from "./listener.js";
import type { FromShard, ShardOptions, SnapshotUpdate, ToShard } from "./messages.js";
import { Page } from "./page.js";
import { tickMs, wireParts } from "./parts.js";
import { shardCells, Statistics } from "./statistics.js";

const port = parentPort;
assert(port !== null, "a shard runs as a worker thread");
const say = (message: FromShard): void => port.postMessage(message);

const options = workerData as ShardOptions;
const statistics = new Statistics(options.statistics, options.statisticsSizes);
// A predecessor that crashed may have left its gauges standing.
statistics.clearGauges();
const clock = systemClock;
let draining = false;
/**
 * A thread without any heap left aborts the whole process, too: one that comes near leaves while it can. What lies between live
 * objects counts for V8 as well: it gave up at 82 to 89 of 100 MiB.
 */
const heapShareMax = 0.75;
/** Of V8's limit this much is for young objects (three times 16 MiB); the old ones have the rest. */
const youngHeapBytes = 48 * 2 ** 20;
const heapLookMs = 250;
/** How often apps with an old certificate are looked at: each holds some 100 KB until its last connection ends. */
const tidyMs = 5_000;

// 1. The parts of the shard: snapshots become connections to workers, and requests become attempts at them.
//    Before the listener, because a request may arrive in the turn it listens.
const { open, flusher } = createHttp2Connector({ tls: options.workerTls });
const { root, quarantine, context } = wireParts({
  clock,
  random: systemRandom,
  statistics,
  openConnection: open,
  batch: () => flusher.writes,
  limits: options.limits,
  place: { shard: options.index, shards: options.shards, balancer: options.balancer },
  novelInputs: options.novelInputs,
  isDraining: () => draining,
  access: options.access,
  say,
});

// 2. The listener, last: from here on users may come.
const keys = options.asksForKeys ? new ApiKeys() : undefined;
const listener = new Listener({
  context,
  active: () => root.active,
  limit: options.clientLimit && new ClientLimit(options.clientLimit, clock),
  keys,
  corsOrigins: options.corsOrigins,
  requestIdPrefix: `${randomBytes(4).toString("hex")}-${options.index}-`,
  documents: documents(),
  page: new Page(options.page),
  tls: options.tls,
  onConnectionCount: (count) => statistics.set(shardCells.connections, count),
});

port.on("message", (message: ToShard) => {
  switch (message.kind) {
    case "stage":
      root.stage(message.batch);
      say({ kind: "staged" });
      break;
    case "snapshot":
      apply(message.update);
      break;
    case "listen":
      void listen(message);
      break;
    case "certificate":
      say({ kind: "certificate", refusedBecause: listener.doors.renew(message.certificate) });
      break;
    case "api-keys":
      keys?.replace(message.keys);
      say({ kind: "api-keys" });
      break;
    case "status":
      say({ kind: "status", id: message.id, status: root.status(options.index, context.table.size) });
      break;
    case "drain":
      drain(message.timeoutMs, message.quietMs);
      break;
    case "recall":
      quarantine.recall(message.remembered, clock.nowMs());
      break;
    case "finding":
      quarantine.hear(message.finding, clock.nowMs());
      break;
    case "suspect-answer":
      quarantine.answered(message.id, message.worker);
      break;
    case "crash":
      setImmediate(() => {
        throw new Error("crash asked for by a test");
      });
      break;
  }
});
process.on("uncaughtException", crash);
process.on("unhandledRejection", crash);

clock.every(heapLookMs, leaveBeforeHeapIsFull);
if (options.tls) clock.every(tidyMs, () => listener.doors.tidy());

say({ kind: "started" });

async function listen({ host, port, warmUpMs }: Extract<ToShard, { kind: "listen" }>): Promise<void> {
  const endMs = clock.nowMs() + warmUpMs;
  while (!root.everyLanguageUsable() && clock.nowMs() < endMs) await delay(tickMs);
  const listening = draining ? undefined : await listener.doors.listen(host, port);
  say(listening === undefined ? { kind: "listen-failed" } : { kind: "listening", port: listening });
}

function apply(update: SnapshotUpdate): void {
  const { revision, nonce } = update;
  try {
    root.update(update);
    say({ kind: "applied", revision, nonce });
  } catch (error) {
    say({ kind: "refused", revision, nonce, reason: messageOf(error) });
  }
}

/** Serves what is there, tells kept-alive clients to close, and leaves when all is quiet or time is up. */
function drain(timeoutMs: number, quietMs: number): void {
  if (draining) return;
  draining = true;
  listener.doors.stopListening();
  const startMs = clock.nowMs();
  clock.every(tickMs * 4, () => {
    const passedMs = clock.nowMs() - startMs;
    const connections = statistics.get(shardCells.connections);
    const settled = context.table.size === 0 && context.uploads.size === 0 && context.unread.size === 0;
    if (passedMs >= timeoutMs || connections === 0 || (settled && passedMs >= quietMs)) leave({ kind: "closed" });
  });
}

let leaving = false;

function leave(last: FromShard): void {
  if (leaving) return;
  leaving = true;
  listener.doors.close();
  root.close();
  say(last);
  // The native handles are freed on the next turns of the loop; only then may the thread end.
  setImmediate(() => setImmediate(() => process.exit(last.kind === "closed" ? 0 : 1)));
}

function leaveBeforeHeapIsFull(): void {
  const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
  const max = limit - youngHeapBytes;
  if (used > heapShareMax * max) crash(`it uses ${Math.round(used / 2 ** 20)} of the ${Math.round(max / 2 ** 20)} MiB of heap that a thread may have`);
}

function crash(error: unknown): void {
  leave({ kind: "crashed", reason: error instanceof Error ? (error.stack ?? error.message) : String(error) });
}
