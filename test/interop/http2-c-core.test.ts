/** The shard's HTTP/2 client against gRPC's C core, in Debian's Python: what workers in other languages mostly are. */
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import t, { type Test } from "tap";
import { openClient, type Client } from "../upstream/http2-client.js";
import { missing } from "./debian.js";

// Debian's own interpreter: others on the PATH do not see its packages.
const python = "/usr/bin/python3";
const script = fileURLToPath(new URL("../../../test/interop/c_core_worker.py", import.meta.url));
const skip = missing("python3-grpcio", [python, "-c", "import grpc"]);

async function setUp(t: Test, ...options: string[]): Promise<{ client: Client; worker: ChildProcessWithoutNullStreams }> {
  const worker = spawn(python, [script, ...options]);
  worker.stderr.pipe(process.stderr);
  const [line] = (await once(worker.stdout, "data")) as [Buffer];
  const client = await openClient(Number(line.toString()));
  t.teardown(async () => {
    await client.end();
    worker.kill("SIGKILL");
    if (worker.exitCode === null && worker.signalCode === null) await once(worker, "exit");
  });
  return { client, worker };
}

void t.test("requests and replies of every size come through whole, many at once", { skip }, async (t) => {
  const { client } = await setUp(t);
  t.match(await client.connection.describe(5_000), { language: "python", version: "1.51", linterName: "c-core", formats: [] });
  const sizes = [0, 1, 1_000, 16_384, 65_536, 100_000, 1_000_000];
  const calls = sizes.map((size) => client.lint(Buffer.alloc(size, "b")));
  for (const [index, { outcome }] of calls.entries()) t.same(await outcome, { report: "b".repeat(sizes[index]!), queueDepth: 3 });
  const many = Array.from({ length: 500 }, (_, index) => client.lint(`call ${index}`));
  for (const [index, { outcome }] of many.entries()) t.match(await outcome, { report: `call ${index}` });
  t.same(client.events, ["open"], "health is not implemented, and that is fine");
});

void t.test("tiny frames and windows, one stream at a time, no header table", { skip }, async (t) => {
  const { client } = await setUp(t, "grpc.max_concurrent_streams=1", "grpc.http2.lookahead_bytes=1000", "grpc.http2.hpack_table_size.decoder=0", "grpc.http2.hpack_table_size.encoder=0", "grpc.http2.bdp_probe=0");
  for (let count = 0; count < 30; count++) t.match(await client.lint(Buffer.alloc(count * 3_000, "c")).outcome, { report: "c".repeat(count * 3_000) });
  t.equal(client.connection.availableCalls(), 1);
});

void t.test("statuses come with their words, the queue depth and many trailers; the deadline goes along", { skip }, async (t) => {
  const { client } = await setUp(t);
  for (const [status, kind] of [[3, "rejected"], [8, "overloaded"], [14, "draining"], [4, "deadline"], [10, "killed"], [13, "crashed"], [12, "contract"]] as const) {
    t.match(await client.lint("x", { filename: `status ${status}` }).outcome, { kind, message: /grüße 100 %$/, queueDepth: 42 });
  }
  const { outcome } = client.lint("x", { filename: "time", timeoutMs: 100_000 });
  t.match(await outcome, { report: /^9\d$/ });
});

void t.test("a worker that stops gently says so, and one that is killed loses its calls", { skip }, async (t) => {
  const gentle = await setUp(t);
  await gentle.client.connection.describe(5_000);
  gentle.worker.stdin.write("drain\n");
  t.match(await gentle.client.event(/^draining/), /GOAWAY NO_ERROR/);
  await gentle.client.event(/^closed/);

  const killed = await setUp(t);
  await killed.client.connection.describe(5_000);
  killed.worker.kill("SIGSTOP");
  const call = killed.client.lint("x");
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  killed.worker.kill("SIGKILL");
  t.match(await call.outcome, { kind: /^(connection-lost|not-sent)$/ });
  await killed.client.event(/^closed/);
});
