/** Requests leave only as fast as the worker's windows and stream limits allow, and always whole. */
import fc from "fast-check";
import t, { type Test } from "tap";
import { openClient, type Client } from "./http2-client.js";
import { reply, settings, startRawServer, windowUpdate, type RawPeer } from "./raw-peer.js";

async function setUp(t: Test, greeting: readonly Uint8Array[], options: Parameters<typeof openClient>[1] = {}): Promise<{ client: Client; peer: RawPeer }> {
  const server = await startRawServer(greeting);
  t.teardown(() => server.close());
  const client = await openClient(server.port, options);
  t.teardown(() => client.end());
  return { client, peer: await server.peer() };
}

const sizesOf = (peer: RawPeer, id: number): number[] =>
  peer.frames.flatMap((line) => {
    const [name, stream, size] = line.split(" ");
    return name === "DATA" && Number(stream) === id ? [Number(size)] : [];
  });

void t.test("a body goes out in frames as its window opens, byte by byte if need be", async (t) => {
  const { client, peer } = await setUp(t, [settings([4, 0], [3, 100])]);
  const source = Buffer.from("0123456789");
  const call = client.lint(source, { filename: "x" });
  await peer.until("the headers", () => peer.streams.has(call.ticket));
  for (let count = 1; count <= 5 + 3 + 2 + 10; count++) {
    peer.write(windowUpdate(call.ticket, 1));
    await peer.until(`byte ${count}`, () => sizesOf(peer, call.ticket).length === count);
  }
  const request = peer.streams.get(call.ticket)!;
  t.ok(request.isEnded);
  t.equal(request.body.toString("latin1"), "\0\0\0\0\x0f\x12\x01x\x0a\x0a0123456789");
  peer.write(reply(peer, call.ticket, "{}"));
  t.match(await call.outcome, { report: "{}" });
});

void t.test("the connection's window holds over all streams, and is shared fairly", async (t) => {
  const { client, peer } = await setUp(t, [settings([4, 0x7fffffff])]);
  const [one, two] = [client.lint(Buffer.alloc(60_000, "1")), client.lint(Buffer.alloc(60_000, "2"))];
  await peer.until("the first window", () => sizesOf(peer, one.ticket).concat(sizesOf(peer, two.ticket)).reduce((sum, size) => sum + size, 0) === 65_535 - 5);
  peer.write(windowUpdate(0, 40_000));
  const sum = (id: number): number => sizesOf(peer, id).reduce((total, size) => total + size, 0);
  await peer.until("the second window", () => sum(one.ticket) + sum(two.ticket) === 105_530);
  peer.write(windowUpdate(0, 40_000));
  await peer.request(2);
  for (const { ticket } of [one, two]) {
    t.ok(sizesOf(peer, ticket).every((size) => size <= 16_384));
    t.equal(peer.streams.get(ticket)!.body.length, 60_000 + 5 + 4);
  }
});

void t.test("a worker that lowers its initial window makes windows negative, and they must come back above 0", async (t) => {
  const { client, peer } = await setUp(t, [settings([4, 100])]);
  const call = client.lint(Buffer.alloc(300));
  await peer.until("the first window", () => sizesOf(peer, call.ticket).length === 1);
  peer.write(settings([4, 20]), windowUpdate(call.ticket, 80)); // -80, then 0
  peer.write(settings([4, 20]));
  await peer.barrier();
  t.same(sizesOf(peer, call.ticket), [100]);
  peer.write(windowUpdate(call.ticket, 1));
  await peer.until("one more byte", () => sizesOf(peer, call.ticket).length === 2);
  peer.write(settings([4, 1_000]));
  await peer.request();
  t.same(sizesOf(peer, call.ticket), [100, 1, 300 + 5 + 3 - 101]);
});

void t.test("a call that ends before its body is sent is reset, and its place in the queue is free", async (t) => {
  const { client, peer } = await setUp(t, [settings([4, 10])]);
  const cancelled = client.lint(Buffer.alloc(100));
  const answered = client.lint(Buffer.alloc(100));
  await peer.until("both", () => peer.streams.size === 3);
  client.connection.cancel(cancelled.ticket);
  peer.write(reply(peer, answered.ticket, "early"));
  t.match(await answered.outcome, { report: "early" });
  await peer.until("the resets", () => [cancelled, answered].every(({ ticket }) => peer.frames.includes(`RST_STREAM ${ticket} 8`)));
  peer.write(settings([4, 1_000]), windowUpdate(cancelled.ticket, 1_000));
  const next = client.lint("x");
  await peer.until("the next", () => peer.streams.get(next.ticket)?.isEnded === true);
  t.same(sizesOf(peer, cancelled.ticket), [10]);
});

void t.test("no more calls than the worker and we allow; Describe waits for its turn, and the only stream is not the Watch's", async (t) => {
  const { client, peer } = await setUp(t, [settings([3, 1])]);
  t.equal(client.connection.availableCalls(), 1);
  const call = client.lint("x");
  t.equal(client.connection.availableCalls(), 0);
  t.match(await client.lint("y").outcome, { kind: "not-sent", message: /no further call/ });
  const refused = client.lint("z");
  client.connection.cancel(refused.ticket);
  const description = client.connection.describe(5_000);
  await peer.request();
  t.equal(peer.streams.size, 1);
  peer.write(reply(peer, call.ticket, "{}"));
  await call.outcome;
  const asked = await peer.request(2);
  t.equal(asked.fields[":path"], "/lintel.v1.Linter/Describe");
  peer.write(reply(peer, asked.id, "py"));
  t.match(await description, { language: "py" });
  t.equal(client.connection.availableCalls(), 1);
  peer.write(settings([3, 10]));
  await peer.until("the Watch", () => peer.streams.size === 3);
  t.equal(client.connection.availableCalls(), 9);
  peer.write(settings([3, 1]));
  await peer.until("the Watch's end", () => peer.frames.some((line) => line.startsWith("RST_STREAM")));
  t.equal(client.connection.availableCalls(), 1);

  const own = await setUp(t, [settings()], { limits: { callsMax: 3 } });
  t.equal(own.client.connection.availableCalls(), 2);
});

void t.test("long calls keep their state while thousands of others come and go", async (t) => {
  const { client, peer } = await setUp(t, [settings()]);
  const long = Array.from({ length: 40 }, (_, index) => client.lint(`long ${index}`));
  for (let round = 0; round < 40; round++) {
    const calls = Array.from({ length: 50 }, () => client.lint("short"));
    await peer.until("the round", () => calls.every(({ ticket }) => peer.streams.get(ticket)?.isEnded === true));
    peer.write(...calls.map(({ ticket }) => reply(peer, ticket, String(ticket))));
    for (const { ticket, outcome } of calls) t.match(await outcome, { report: String(ticket) });
    for (const { ticket } of calls) peer.streams.delete(ticket);
  }
  peer.write(...long.map(({ ticket }) => reply(peer, ticket, `for ${ticket}`)));
  for (const { ticket, outcome } of long) t.match(await outcome, { report: `for ${ticket}` });
  t.equal(new Set(long.map(({ ticket }) => ticket)).size, 40);
});

void t.test("with any windows, opened in any steps, every body arrives whole", async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 0, max: 2_000 }),
      fc.array(fc.integer({ min: 300, max: 9_000 }), { minLength: 1, maxLength: 5 }),
      async (sizes, initial, steps) => {
        const server = await startRawServer([settings([4, initial])]);
        const client = await openClient(server.port);
        try {
          const peer = await server.peer();
          const calls = sizes.map((size, index) => client.lint(Buffer.alloc(size, index + 1)));
          const isWhole = (id: number): boolean => peer.streams.get(id)?.isEnded === true;
          await peer.until("the headers", () => peer.streams.size >= calls.length);
          for (let step = 0; !calls.every(({ ticket }) => isWhole(ticket)); step++) {
            const increment = steps[step % steps.length]!;
            peer.write(windowUpdate(0, increment * calls.length), ...calls.flatMap(({ ticket }) => (isWhole(ticket) ? [] : [windowUpdate(ticket, increment)])));
            await peer.barrier();
          }
          for (const [index, { ticket }] of calls.entries()) {
            const body = peer.streams.get(ticket)!.body;
            const source = body.subarray(body.length - sizes[index]!);
            t.equal(body.readUInt32BE(1), body.length - 5);
            t.ok(source.equals(Buffer.alloc(sizes[index]!, index + 1)));
          }
        } finally {
          await client.end();
          await server.close();
        }
      },
    ),
    { numRuns: 25 },
  );
});

void t.test("whatever bytes a worker sends, the connection lives or ends with a reason, and nothing is thrown", async (t) => {
  const server = await startRawServer();
  t.teardown(() => server.close());
  let count = 0;
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.record({ type: fc.integer({ min: 0, max: 10 }), flags: fc.nat(255), id: fc.integer({ min: 0, max: 9 }), payload: fc.uint8Array({ maxLength: 40 }) }).map(({ type, flags, id, payload }) => {
      const head = Buffer.alloc(9);
      head.writeUIntBE(payload.length, 0, 3);
      head[3] = type;
      head[4] = flags;
      head.writeUInt32BE(id, 5);
      return Buffer.concat([head, payload]);
    }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 12 }), async (pieces) => {
      const client = await openClient(server.port);
      const calls = [client.lint("a"), client.lint("b"), client.lint("c")];
      const peer = await server.peer(++count);
      await peer.until("the requests", () => peer.streams.size >= 4);
      peer.write(...pieces);
      peer.socket.end();
      await client.event(/^closed/);
      for (const { outcome } of calls) t.ok(await outcome);
    }),
    { numRuns: 150 },
  );
});

void t.test("a worker that stops reading for a while gets every body whole, from buffers that are used again", async (t) => {
  const { client, peer } = await setUp(t, [settings([4, 0x7fffffff]), windowUpdate(0, 0x7fff0000)], { limits: { queuedBytesMax: 64 * 1024 * 1024 } });
  for (let round = 0; round < 3; round++) {
    await peer.barrier();
    peer.socket.pause();
    const calls = Array.from({ length: 30 }, (_, index) => ({ fill: round * 30 + index, call: client.lint(Buffer.alloc(500_000, round * 30 + index)) }));
    const small = Array.from({ length: 100 }, (_, index) => client.lint(`${round}/${index}`));
    await new Promise((resolve) => setTimeout(resolve, 20)); // until the kernel's buffers are full; correct without it too
    peer.socket.resume();
    await peer.until("all bodies", () => [...calls.map(({ call }) => call), ...small].every(({ ticket }) => peer.streams.get(ticket)?.isEnded === true));
    for (const { fill, call } of calls) {
      const body = peer.streams.get(call.ticket)!.body;
      t.ok(body.subarray(-500_000).equals(Buffer.alloc(500_000, fill)), `body ${fill}`);
    }
    for (const [index, { ticket }] of small.entries()) t.ok(peer.streams.get(ticket)!.body.toString().endsWith(`${round}/${index}`));
    peer.streams.clear();
  }
});
