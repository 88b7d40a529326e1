/** The shard's HTTP/2 client against @grpc/grpc-js's server, the one that Lintel's own workers use. */
import * as grpc from "@grpc/grpc-js";
import t, { type Test } from "tap";
import { openClient, type Client } from "../upstream/http2-client.js";
import { startGrpcJsWorker, type GrpcJsWorker, type LintHandler } from "./grpc-js-worker.js";

const echo: LintHandler = (call, callback) => {
  const { source, filename, optionsJson, traceparent } = call.request;
  const report = Buffer.from(JSON.stringify({ bytes: source.length, first: source[0], last: source.at(-1), filename, optionsJson, traceparent, metadata: call.metadata.get("traceparent") }));
  callback(null, { report: call.request.filename === "mirror" ? source : report, queueDepth: 7 });
};

async function setUp(t: Test, lint: LintHandler = echo, server: grpc.ServerOptions = {}, client: Parameters<typeof openClient>[1] = {}): Promise<GrpcJsWorker & { client: Client }> {
  const worker = await startGrpcJsWorker(lint, { "grpc.max_receive_message_length": -1, ...server });
  const opened = await openClient(worker.port, client);
  t.teardown(async () => {
    await opened.end();
    worker.server.forceShutdown();
  });
  return { ...worker, client: opened };
}

function waitable<Value>(): { promise: Promise<Value>; resolve: (value: Value) => void } {
  let resolve: (value: Value) => void = () => undefined;
  const promise = new Promise<Value>((settle) => (resolve = settle));
  return { promise, resolve };
}

void t.test("requests and replies of every size come through whole", async (t) => {
  const { client } = await setUp(t);
  const sizes = [0, 1, 100, 16_375, 16_384, 65_530, 65_536, 100_000, 1_000_000];
  const calls = sizes.map((size) => client.lint(Buffer.alloc(size, "a"), { filename: "mirror" }));
  for (const [index, { outcome }] of calls.entries()) t.same(await outcome, { report: "a".repeat(sizes[index]!), queueDepth: 7 });
  const { outcome } = client.lint("import os", { filename: "ü.py", optionsJson: '{"a":1}', traceparent: "00-ab-cd-01" });
  t.same(JSON.parse((await outcome as { report: string }).report), { bytes: 9, first: 105, last: 115, filename: Buffer.from("ü.py").toString("latin1"), optionsJson: '{"a":1}', traceparent: "00-ab-cd-01", metadata: ["00-ab-cd-01"] });
});

void t.test("five hundred calls at once are each answered with their own reply", async (t) => {
  const { client } = await setUp(t);
  const calls = Array.from({ length: 500 }, (_, index) => client.lint(`call ${index}`.padEnd(index * 20), { filename: "mirror" }));
  for (const [index, { outcome }] of calls.entries()) t.match(await outcome, { report: `call ${index}`.padEnd(index * 20) });
});

void t.test("one stream at a time is enough", async (t) => {
  const { client } = await setUp(t, echo, { "grpc.max_concurrent_streams": 1 });
  t.match(await client.connection.describe(5_000), { language: "python", version: "1.2.3", linterName: "echo", selfTest: { filename: "x.py" } });
  for (let count = 0; count < 50; count++) {
    t.equal(client.connection.availableCalls(), 1);
    t.match(await client.lint(Buffer.alloc(count * 1_000)).outcome, { queueDepth: 7 });
  }
});

void t.test("statuses come with their words, the queue depth, and whatever else the worker sends", async (t) => {
  const metadata = new grpc.Metadata();
  metadata.set("lintel-queue-depth", "31");
  for (let count = 0; count < 100; count++) metadata.set(`x-extra-${count}`, "v".repeat(50));
  const { client } = await setUp(t, (call, callback) => {
    const initial = new grpc.Metadata();
    for (let count = 0; count < 50; count++) initial.set(`x-initial-${count}`, `${count}`.repeat(40));
    call.sendMetadata(initial);
    callback(Object.assign(new Error(), { code: Number(call.request.filename), details: "wörter & 100 %", metadata }));
  });
  for (const [status, kind] of [[3, "rejected"], [8, "overloaded"], [14, "draining"], [4, "deadline"], [10, "killed"], [13, "crashed"], [2, "contract"]] as const) {
    t.match(await client.lint("x", { filename: String(status) }).outcome, { kind, message: /wörter & 100 %$/, queueDepth: 31 });
  }
  t.same(client.events, ["open"]);
});

void t.test("the deadline goes along, and a cancel arrives", async (t) => {
  const started = waitable<{ inMs: number; cancelled: Promise<void> }>();
  const { client } = await setUp(t, (call) => {
    started.resolve({ inMs: Number(call.getDeadline()) - Date.now(), cancelled: new Promise((resolve) => call.on("cancelled", resolve)) });
  });
  const { ticket } = client.lint("x", { timeoutMs: 60_000 });
  const { inMs, cancelled } = await started.promise;
  client.connection.cancel(ticket);
  await cancelled;
  t.ok(inMs > 50_000 && inMs <= 60_000, `${inMs} ms`);
});

void t.test("a worker that shuts down gently answers what it has, and the connection ends", async (t) => {
  const started = waitable<() => void>();
  const { client, server } = await setUp(t, (call, callback) => started.resolve(() => echo(call, callback)));
  const call = client.lint("x");
  const finish = await started.promise;
  server.tryShutdown(() => undefined);
  t.match(await client.event(/^draining/), /GOAWAY NO_ERROR/);
  t.match(await client.lint("late").outcome, { kind: "not-sent" });
  finish();
  t.match(await call.outcome, { queueDepth: 7 });
  await client.event(/^closed/);
});

void t.test("a worker that says NOT_SERVING is draining, one that dies loses its calls", async (t) => {
  const { client, health, server } = await setUp(t, () => undefined);
  t.match(await client.connection.describe(5_000), { language: "python" });
  health.setStatus("", "NOT_SERVING");
  t.match(await client.event(/^draining/), /not serving/);
  const call = client.lint("x");
  await client.connection.describe(5_000);
  server.forceShutdown();
  t.match(await call.outcome, { kind: /connection-lost|contract|not-sent/ });
  await client.event(/^closed/);
});

void t.test("reports over the limit break the contract of their call alone", async (t) => {
  const { client } = await setUp(t, echo, {}, { reportBytesMax: 50_000 });
  t.match(await client.lint(Buffer.alloc(50_000), { filename: "mirror" }).outcome, { queueDepth: 7 });
  t.match(await client.lint(Buffer.alloc(60_000), { filename: "mirror" }).outcome, { kind: "contract", message: /message of 60\d\d\d bytes/ });
  t.match(await client.lint(Buffer.alloc(100), { filename: "mirror" }).outcome, { queueDepth: 7 });
});
