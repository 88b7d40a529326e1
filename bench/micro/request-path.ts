/**
 * What a shard's own code takes of a request, in ns: from the head to the last counter, with everything on, but without
 * uWebSockets.js, sockets or a worker's wire. `head and reply` is the same without an exchange: what the HTTP interface takes. The
 * difference is what versions, choice, deadlines, retries, quarantine and metrics take together.
 * Run: node dist/bench/micro/request-path.js [seconds]
 */
import type { HttpResponse } from "uWebSockets.js";
import { systemClock } from "../../src/base/clock.js";
import { seededRandom } from "../../src/base/random.js";
import { newSharedNovelInputs } from "../../src/balancing/novel-inputs.js";
import { Incoming } from "../../src/shard/incoming.js";
import { readLintHead, type HeadView } from "../../src/shard/lint-request.js";
import { wireParts, type ShardParts } from "../../src/shard/parts.js";
import { RequestIds } from "../../src/shard/request-ids.js";
import { writeReport, type ReplyMeta } from "../../src/shard/reply.js";
import { Statistics } from "../../src/shard/statistics.js";
import { defaultConfiguration } from "../../src/snapshot/configuration.js";
import type { AttemptListener, OpenConnection } from "../../src/upstream/connection.js";
import { sampleReport } from "../autocannon/sample-report.js";

const seconds = Number(process.argv[2] ?? 2);
const inFlight = 64;
const turn = 16;
const [language, versions] = ["python", ["1.0.0", "2.0.0"]] as const;
const waiting: AttemptListener[] = [];

const openAtOnce = (version: string): ReturnType<OpenConnection> => {
  const description = { language, version, linterName: "x", linterVersion: "1", formats: [], documentationUrl: "" };
  return {
    lint: (_call, _timeoutMs, listener) => waiting.push(listener),
    cancel: () => undefined,
    describe: () => Promise.resolve(description),
    availableCalls: () => 1_000,
    drain: () => undefined,
    close: () => undefined,
  };
};

async function startParts(): Promise<ShardParts> {
  const { limits, http } = defaultConfiguration();
  const parts = wireParts({
    clock: systemClock,
    random: seededRandom(1),
    statistics: new Statistics(Statistics.allocate()),
    openConnection: ({ port }, events) => {
      queueMicrotask(() => events.onOpen());
      return openAtOnce(versions[port - 1] ?? "");
    },
    batch: () => 0,
    limits: { ...limits, bodyBytesMax: http.bodyBytesMax },
    novelInputs: newSharedNovelInputs(),
    isDraining: () => false,
    say: () => undefined,
  });
  const workers = versions.map((version, index) => ({ version, weight: 1, workers: [{ id: `w${index}`, host: "127.0.0.1", port: index + 1 }] }));
  const slots = { languages: { [language]: 1 }, versions: Object.fromEntries(versions.map((version, index) => [`${language} ${version}`, index + 1])), workers: { w0: 1, w1: 2 } };
  parts.root.update({ revision: 1, nonce: 1, share: 1, whole: true, removed: [], languages: [{ language, extensions: [".py"], spill: true, versions: workers }], slots });
  while (!parts.root.everyLanguageUsable()) await new Promise((resolve) => setTimeout(resolve, 5));
  return parts;
}

const view: HeadView = { getHeader: () => "", getQuery: () => "" };
const written = [true, true];
let bytes = 0;
const res = {
  cork: (write: () => void) => write(),
  writeHeader: (_name: string, value: Uint8Array) => void (bytes += value.length),
  tryEnd: (body: Uint8Array) => {
    bytes += body.length;
    return written;
  },
} as unknown as HttpResponse;
const meta: ReplyMeta = { requestId: "", ids: new RequestIds("bench-"), rateLimit: undefined, traceparent: "", allowOrigin: "", varyByOrigin: false, isHead: false };
const chunk = new ArrayBuffer(1_024);
const report = sampleReport(300);

const { root, context } = await startParts();
const worker = [...root.active.workers.values()][0];

function whole(count: number): void {
  for (let done = 0; done < count; done += turn) {
    for (let index = 0; index < turn; index++) {
      const head = readLintHead(view, language, "1024", "", root.active, context.limits);
      const incoming = new Incoming(res, head, "1024", meta, context);
      incoming.onData(chunk, true);
    }
    // Copies of an input that was never answered wait for the first one.
    while (context.table.size > inFlight - turn) waiting.shift()?.onReply(report, 0, 10);
  }
}

/** As much of an exchange as a reply tells of. */
const answered = { worker, attempts: 1, spilled: false };

function headAndReply(count: number): void {
  for (let done = 0; done < count; done++) {
    const startedMs = systemClock.nowMs();
    const head = readLintHead(view, language, "1024", "", root.active, context.limits);
    if ("kind" in head) throw new Error(head.kind);
    const memory = context.bodies.take(chunk.byteLength);
    new Uint8Array(memory).set(new Uint8Array(chunk));
    writeReport(res, report, head.format.mediaType, answered, systemClock.nowMs() - startedMs, meta, false);
    context.bodies.give(memory);
  }
}

const runs = { "everything": whole, "head and reply": headAndReply };
const found = new Map<string, number[]>();
const batch = 16_000;
for (const run of Object.values(runs)) run(10 * batch);
const endMs = performance.now() + seconds * 1_000;
while (performance.now() < endMs) {
  for (const [name, run] of Object.entries(runs)) {
    const startMs = performance.now();
    run(batch);
    const ns = ((performance.now() - startMs) * 1e6) / batch;
    found.set(name, [...(found.get(name) ?? []), ns]);
  }
}
for (const [name, all] of found) {
  all.sort((one, other) => one - other);
  process.stdout.write(`${name}: median ${all[all.length >> 1]?.toFixed(0)} ns, best ${all[0]?.toFixed(0)} ns\n`);
}
if (bytes === 0) process.stdout.write("nothing was written\n");
process.exit(0);
