// The access log of a real balancer: what a line says, what is in it, and that nothing waits for it.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { systemClock } from "../../src/base/clock.js";
import { AccessLog, defaultAccessLogOptions } from "../../src/balancer/access-log.js";
import { createSlotBook } from "../../src/balancer/slots.js";
import { AccessRing, emptyAccessRecord } from "../../src/shard/access-ring.js";
import { defaultStatisticsSizes, shardCells } from "../../src/shard/statistics.js";
import { startBalancerWith, versionOf, type InProcessBalancer } from "../support/balancer-in-process.js";
import { startLightWorker } from "../support/light-workers.js";
import { recordingLogger } from "../support/recording-logger.js";
import { folderWith } from "../support/run-lintel.js";
import { waitUntil } from "../support/wait-until.js";

type Line = Readonly<Record<string, string | number | boolean>>;

interface Logged extends InProcessBalancer {
  readonly workerId: string;
  readonly text: () => string;
  readonly lines: () => Line[];
  readonly lint: (path: string, body: string, headers?: Readonly<Record<string, string>>) => Promise<Response>;
}

async function startLogged(t: Test, sample: number): Promise<Logged> {
  const { path: folder, remove } = folderWith({});
  const path = join(folder, "access.jsonl");
  const worker = await startLightWorker("json", "1");
  const languages = [{ language: "json", extensions: [], spill: true, versions: [versionOf([worker.port])] }];
  const started = await startBalancerWith(languages, 2, {}, { accessLog: { path, sample, errors: true } });
  t.teardown(async () => {
    await started.balancer.drain();
    worker.end();
    remove();
  });
  const text = (): string => readFileSync(path, "utf8");
  const lines = (): Line[] => text().split("\n").slice(0, -1).map((line) => JSON.parse(line) as Line);
  const lint = (where: string, body: string, headers = {}): Promise<Response> => fetch(`${started.url}/v1/lint/${where}`, { method: "POST", body, headers: { connection: "close", ...headers } });
  return { ...started, workerId: worker.id, text, lines, lint };
}

void t.test("a line says what became of a request, and nothing of its source", async (t) => {
  const { lint, lines, text, workerId, balancer } = await startLogged(t, 1);
  const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const replies = [
    await lint("json?filename=secret-name.json", '"the secret source"', { "X-Request-Id": "mine" }),
    await lint("json", "{}", { traceparent }),
    await lint("none", "{}"),
    await lint("json?version=9", "{}"),
  ];
  await waitUntil("the lines to be written", () => lines().length === replies.length);
  const ids = replies.map(({ headers }) => headers.get("x-request-id"));
  const byId = new Map(lines().map((line) => [line["requestId"], line]));
  const expected = [
    { language: "json", version: "1", worker: workerId, attempts: 1, status: 200, reason: "", bytes: 19 },
    { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", language: "json", version: "1", worker: workerId, attempts: 1, status: 200, reason: "", bytes: 2 },
    { language: "", version: "", worker: "", attempts: 0, status: 404, reason: "unknown-language", bytes: 2 },
    { language: "", version: "", worker: "", attempts: 0, status: 404, reason: "unknown-version", bytes: 2 },
  ];
  t.same(ids.map((id) => Object.keys(byId.get(id!) ?? {})).map((keys) => keys.filter((key) => key !== "traceId").join()), Array(4).fill("time,msg,requestId,language,version,worker,attempts,status,reason,bytes,durationMs"));
  t.match(ids.map((id) => byId.get(id!)), expected);
  for (const { time, durationMs } of lines()) {
    t.ok(Math.abs(Date.parse(String(time)) - systemClock.wallMs()) < 60_000, String(time));
    t.ok(Number(durationMs) >= 0 && Number(durationMs) < 60_000, String(durationMs));
  }
  t.notMatch(text(), /secret/);
  t.equal(ids[0], "mine");
  t.equal(balancer.accessLog?.written, 4);
});

void t.test("with a sample of 0 only failures are in it; what is left at the end is written", async (t) => {
  const { lint, lines, balancer } = await startLogged(t, 0);
  for (let count = 0; count < 20; count++) t.equal((await lint("json", "{}")).status, 200);
  t.equal((await lint("json?format=none", "{}")).status, 400);
  await balancer.drain();
  t.match(lines(), [{ status: 400, reason: "unknown-format" }]);
  t.equal(balancer.accessLog?.dropped, 0);
});

void t.test("a client that does not wait is 499, without an id", async (t) => {
  const { url, lines, balancer } = await startLogged(t, 0);
  const left = new AbortController();
  const body = new ReadableStream({ start: (stream) => stream.enqueue(Buffer.from("half of it")) });
  const asked = fetch(`${url}/v1/lint/json`, { method: "POST", body, duplex: "half", signal: left.signal }).catch(() => "left");
  await waitUntil("the request to arrive", () => balancer.statistics.some((one) => one.get(shardCells.bodyBytesHeld) > 0));
  left.abort();
  t.equal(await asked, "left");
  await waitUntil("the line", () => lines().length === 1);
  t.match(lines(), [{ requestId: "", language: "json", status: 499, reason: "client-left", attempts: 0 }]);
});

void t.test("a disk that takes nothing costs lines, which are counted, and no request", async (t) => {
  const ring = new AccessRing(AccessRing.allocate(64));
  const { logger, text } = recordingLogger();
  const slots = createSlotBook(defaultStatisticsSizes, () => undefined);
  const log = new AccessLog([ring], slots, { ...defaultAccessLogOptions, path: "/dev/full", periodMs: 5 }, systemClock, logger);
  for (let count = 0; count < 10; count++) ring.put({ ...emptyAccessRecord(), status: 200 });
  await waitUntil("the failure to be told", () => text().includes("the access log cannot be written any more"));
  for (let count = 0; count < 64; count++) t.ok(ring.put({ ...emptyAccessRecord(), status: 200 }));
  await waitUntil("the others to be dropped", () => log.dropped === 64);
  await log.close();
  t.throws(() => new AccessLog([], slots, { ...defaultAccessLogOptions, path: "/no-such-folder/x" }, systemClock, logger), /accessLog\.path \/no-such-folder\/x: cannot be written: ENOENT/);
});
