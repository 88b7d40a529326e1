/** The shard's HTTP/2 client against node:http2 with unusual settings: nghttp2 checks every frame we send. */
import { once } from "node:events";
import { createServer, type Http2Server, type ServerHttp2Session, type Settings, type SessionOptions } from "node:http2";
import type { AddressInfo } from "node:net";
import t, { type Test } from "tap";
import { openClient } from "../upstream/http2-client.js";

/** A worker that mirrors the whole message as the report, in whatever pieces its window lets it read. */
async function serve(t: Test, settings: Settings, options: SessionOptions = {}): Promise<{ port: number; server: Http2Server; errors: string[] }> {
  const errors: string[] = [];
  const server = createServer({ settings, ...options });
  server.on("sessionError", (error) => errors.push(String(error)));
  server.on("session", (session) => session.on("frameError", (type, code) => errors.push(`frame ${type}: ${code}`)));
  server.on("stream", (stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on("error", () => undefined);
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      if (headers[":path"] !== "/lintel.v1.Linter/Lint") {
        stream.respond({ ":status": 200, "content-type": "application/grpc", "grpc-status": "12" }, { endStream: true });
        return;
      }
      const message = Buffer.concat(chunks).subarray(5);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(message.length);
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      // A LintRequest read as a LintResponse: the source is in field 1 of both.
      stream.end(Buffer.concat([Uint8Array.of(0), length, message]));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => new Promise((resolve) => server.close(resolve)));
  return { port: (server.address() as AddressInfo).port, server, errors };
}

const unusual: readonly (readonly [string, Settings, SessionOptions?])[] = [
  ["windows of one byte", { initialWindowSize: 1 }],
  ["windows of 100 bytes and no header table", { initialWindowSize: 100, headerTableSize: 0 }],
  ["a header table of 120 bytes", { headerTableSize: 120 }],
  ["a large header table and large frames", { headerTableSize: 65_536, maxFrameSize: 1_000_000, initialWindowSize: 5_000_000 }],
  ["three streams at a time", { maxConcurrentStreams: 3 }],
  ["padding in every frame", {}, { paddingStrategy: 1 }],
  ["padding to multiples of eight and no dynamic table of its own", {}, { paddingStrategy: 2, maxDeflateDynamicTableSize: 0 }],
];

for (const [name, settings, options] of unusual) {
  void t.test(`with ${name} all requests arrive whole`, async (t) => {
    const { port, errors } = await serve(t, settings, options);
    const client = await openClient(port);
    const sizes = settings.initialWindowSize === 1 ? [0, 1, 300] : [0, 1, 1_000, 20_000, 100_000];
    for (let round = 0; round < 3; round++) {
      const calls = [];
      for (const size of sizes) {
        const source = Buffer.alloc(size, size % 251);
        const call = client.lint(source, { timeoutMs: 60_000 + round });
        calls.push({ source, outcome: call.outcome });
        if (client.connection.availableCalls() === 0) await call.outcome;
      }
      for (const { source, outcome } of calls) t.match(await outcome, { report: source.toString("latin1") });
    }
    t.same(client.events, ["open"]);
    t.same(errors, []);
    await client.end();
  });
}

void t.test("settings that change under way are followed", async (t) => {
  const { port, server } = await serve(t, {});
  const session = once(server, "session");
  const client = await openClient(port);
  const [opened] = (await session) as [ServerHttp2Session];
  const changes: readonly Settings[] = [{ headerTableSize: 0 }, { initialWindowSize: 10 }, { headerTableSize: 4_096, initialWindowSize: 70_000 }, { maxConcurrentStreams: 1 }, { maxConcurrentStreams: 100, headerTableSize: 60 }];
  for (const change of changes) {
    const calls = [client.lint(Buffer.alloc(2_000)), ...(client.connection.availableCalls() > 0 ? [client.lint("x")] : [])];
    await new Promise((resolve) => opened.settings(change, resolve));
    const [first, second] = calls;
    t.match(await first!.outcome, { queueDepth: 0 });
    // The worker may refuse a second stream once it allows only one, before we know.
    if (second !== undefined && !JSON.stringify(await second.outcome).includes("REFUSED_STREAM")) t.match(await second.outcome, { queueDepth: 0 });
    t.match(await client.lint(Buffer.alloc(500)).outcome, { queueDepth: 0 });
  }
  opened.close();
  await client.event(/^closed/);
});
