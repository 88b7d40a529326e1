/** How a connection opens, says that it should be replaced, and ends; and what that means for its calls. */
import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import t, { type Test } from "tap";
import { systemClock, type Clock } from "../../src/base/clock.js";
import { flags, frameTypes } from "../../src/http2/protocol.js";
import { Client, openClient } from "./http2-client.js";
import { data, frame, goaway, lintResponse, reply, replyHeaders, settings, startRawServer, trailers, uint32, windowUpdate, type RawPeer, type RawServer } from "./raw-peer.js";

type Options = Parameters<typeof openClient>[1];

async function setUp(t: Test, options: Options = {}, greeting?: readonly Uint8Array[]): Promise<{ client: Client; peer: RawPeer }> {
  const server = await serve(t, greeting);
  const client = await openClient(server.port, options);
  t.teardown(() => client.end());
  return { client, peer: await server.peer() };
}

async function serve(t: Test, greeting?: readonly Uint8Array[]): Promise<RawServer> {
  const server = await startRawServer(greeting);
  t.teardown(() => server.close());
  return server;
}

/** The system's clock, but what is repeated is repeated by hand. */
function manualTicks(): { clock: Clock; tick: () => void } {
  const repeated = new Set<() => void>();
  const clock: Clock = {
    ...systemClock,
    every: (_periodMs, callback) => {
      repeated.add(callback);
      return callback;
    },
    clear: (timer) => {
      if (typeof timer === "function") repeated.delete(timer as () => void);
      else systemClock.clear(timer);
    },
  };
  return { clock, tick: () => [...repeated].forEach((callback) => callback()) };
}

void t.test("the greeting is the preface, our settings and a wide window; theirs are acknowledged", async (t) => {
  const { client, peer } = await setUp(t, { reportBytesMax: 1_000_000 });
  await peer.until("the acknowledgement", () => peer.streams.size > 0);
  t.same(peer.frames.slice(0, 5), ["SETTING 2 0", "SETTING 4 1001024", "SETTING 6 16384", "SETTINGS", `WINDOW_UPDATE 0 ${16 * 1024 * 1024 - 65_535}`]);
  t.same(client.events, ["open"]);
});

void t.test("nobody there, somebody silent, and somebody who speaks something else: the reason says which", async (t) => {
  const refused = createServer();
  refused.listen(0, "127.0.0.1");
  await once(refused, "listening");
  const { port } = refused.address() as AddressInfo;
  refused.close();
  await once(refused, "close");
  t.match(await new Client(port).event(/^closed/), /ECONNREFUSED/);

  const silent = await serve(t, []);
  t.match(await new Client(silent.port, { connectTimeoutMs: 50 }).event(/^closed/), /no HTTP\/2 connection within 50 ms/);

  const web = await serve(t, [Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")]);
  const client = new Client(web.port);
  t.match(await client.event(/^closed/), /does not speak HTTP\/2: its first bytes are "HTTP\/1\.1"?/);
  t.same(client.events.length, 1, "never open, closed once");
});

void t.test("whatever breaks the protocol ends the connection with its name, and GOAWAY says the code", async (t) => {
  const cases: readonly (readonly [code: number, message: RegExp, (peer: RawPeer, id: number) => readonly Uint8Array[]])[] = [
    [1, /PUSH_PROMISE/, (_peer, id) => [frame(frameTypes.pushPromise, flags.endHeaders, id, uint32(2))]],
    [1, /DATA on stream 99, which was never opened/, () => [data(99, Buffer.alloc(1))]],
    [1, /HEADERS on stream 2, which was never opened/, (peer) => [replyHeaders(peer, 2)]],
    [1, /RST_STREAM on stream 101/, () => [frame(frameTypes.rstStream, 0, 101, uint32(0))]],
    [1, /WINDOW_UPDATE on stream 101/, () => [windowUpdate(101, 1)]],
    [3, /a connection window of/, () => [windowUpdate(0, 0x7fffffff)]],
    [3, /window of \d+ bytes on stream/, (_peer, id) => [windowUpdate(id, 0x7fffffff)]],
    [3, /makes a window of/, (_peer, id) => [windowUpdate(id, 0x7fffffff - 65_535), settings([4, 70_000])]],
    [3, /more data than the window of 66560 bytes/, (peer, id) => [replyHeaders(peer, id), ...Array.from({ length: 5 }, () => data(id, Buffer.alloc(16_384)))].toSpliced(1, 0, data(id, Uint8Array.of(0, 0, 1, 0, 0)))],
    [9, /index 90/, (_peer, id) => [frame(frameTypes.headers, flags.endHeaders, id, [0x80 | 90])]],
    [6, /a frame of 16385 bytes/, (_peer, id) => [frame(frameTypes.data, 0, id, Buffer.alloc(16_385))]],
    [1, /GOAWAY with stream 9 after one with 3/, () => [goaway(3, 0), goaway(9, 0)]],
    [11, /CONTINUATION frames/, (_peer, id) => [frame(frameTypes.headers, 0, id), ...Array.from({ length: 65 }, () => frame(frameTypes.continuation, 0, id))]],
    [0, /takes only 100 bytes of headers/, () => [settings([6, 100])]],
  ];
  for (const [code, message, frames] of cases) {
    const { client, peer } = await setUp(t, { reportBytesMax: 65_536 });
    const calls = [client.lint("x"), client.lint("y")];
    const { id } = await peer.request(2);
    peer.write(...frames(peer, id));
    for (const call of calls) t.match(await call.outcome, { kind: /contract|not-sent/, message: /.+/ });
    t.match(await client.event(/^closed/), message);
    await peer.until("the goodbye", () => peer.isClosed);
    t.ok(peer.frames.includes(`GOAWAY 0 ${code}`), `${String(message)}: ${peer.frames.slice(-3).join("; ")}`);
  }
});

void t.test("the connection ends under its calls: sent ones are lost, unsent ones were not begun", async (t) => {
  const ways: readonly ((peer: RawPeer) => void)[] = [(peer) => peer.socket.end(), (peer) => peer.socket.resetAndDestroy()];
  for (const end of ways) {
    const { client, peer } = await setUp(t, {}, [settings([4, 1_000])]);
    const sent = client.lint("x");
    const unfinished = client.lint(Buffer.alloc(5_000));
    await peer.until("both requests", () => peer.streams.size === 3 && peer.frames.includes("DATA 5 1000"));
    const order: string[] = [];
    void sent.outcome.then(() => order.push("sent"));
    void unfinished.outcome.then(() => order.push("unfinished"));
    void client.event(/^closed/).then(() => order.push("closed"));
    end(peer);
    t.match(await sent.outcome, { kind: "connection-lost", message: /closed the connection|ECONNRESET/ });
    t.match(await unfinished.outcome, { kind: "not-sent" });
    await client.event(/^closed/);
    t.same(order, ["sent", "unfinished", "closed"]);
    t.match(await client.lint("late").outcome, { kind: "not-sent", message: /closed/ });
    t.same(client.events.length, 2);
  }
});

void t.test("close fails what is in flight before it returns, and what never left as not sent", async (t) => {
  const { client, peer } = await setUp(t, { flushPolicy: "turn" });
  const sent = client.lint("x");
  await peer.request();
  const unsent = client.lint("y");
  const refused = new Client(1).lint("z");
  client.connection.close();
  t.match(client.events.at(-1), /closed: closed by the balancer/);
  t.match(await sent.outcome, { kind: "connection-lost" });
  t.match(await unsent.outcome, { kind: "not-sent" });
  t.match(await refused.outcome, { kind: "not-sent" });
  await peer.until("the end", () => peer.isClosed);
  t.ok(peer.frames.includes("GOAWAY 0 0"));
  t.notOk(peer.frames.some((line) => line.startsWith("HEADERS 5")));
  await t.rejects(client.connection.describe(100), /not open/);
});

void t.test("GOAWAY: what the worker will not see was not sent, what it has it answers, then all is over", async (t) => {
  const { client, peer } = await setUp(t);
  const calls = [client.lint("a"), client.lint("b"), client.lint("c")];
  await peer.request(3);
  const [a, b, c] = calls.map(({ ticket }) => ticket) as [number, number, number];
  // In two phases, as RFC 9113 section 6.8 advises: first "no more", then how far it got.
  peer.write(goaway(0x7fffffff, 0, "bye"));
  t.match(await client.event(/^draining/), /GOAWAY NO_ERROR: bye/);
  t.equal(client.connection.availableCalls(), 0);
  t.match(await client.lint("late").outcome, { kind: "not-sent" });
  peer.write(goaway(b, 0));
  t.match(await calls[2]!.outcome, { kind: "not-sent" });
  peer.write(reply(peer, a, "A"), reply(peer, c, "ignored"));
  t.match(await calls[0]!.outcome, { report: "A" });
  t.same(client.events.length, 2);
  peer.write(reply(peer, b, "B"));
  t.match(await calls[1]!.outcome, { report: "B" });
  t.match(await client.event(/^closed/), /GOAWAY/);
  await peer.until("the end", () => peer.isClosed);
});

void t.test("drain waits for the calls in flight and for nothing else", async (t) => {
  const { client, peer } = await setUp(t);
  const call = client.lint("x");
  const cancelled = client.lint("y");
  await peer.request(2);
  client.connection.drain();
  t.match(await client.lint("late").outcome, { kind: "not-sent", message: /draining/ });
  peer.write(reply(peer, call.ticket, "{}"));
  t.match(await call.outcome, { report: "{}" });
  t.same(client.events, ["open"]);
  client.connection.cancel(cancelled.ticket);
  t.same(client.events, ["open"], "not from within cancel");
  t.match(await client.event(/^closed/), /drained/);

  const idle = await setUp(t);
  idle.client.connection.drain();
  t.match(await idle.client.event(/^closed/), /drained/);
});

void t.test("a listener may close the connection in the middle of a chunk", async (t) => {
  const { client, peer } = await setUp(t);
  const first = client.connection.lint({ source: Buffer.from("x"), filename: "", optionsJson: "", traceparent: "" }, 1_000, {
    onReply: () => client.connection.close(),
    onFailure: (failure) => t.fail(failure.message),
  });
  const second = client.lint("y");
  await peer.request(2);
  peer.write(reply(peer, first, "{}"), reply(peer, second.ticket, "{}"));
  t.match(await second.outcome, { kind: "connection-lost", message: /closed by the balancer/ });
  t.match(client.events, ["open", /^closed/]);
});

void t.test("a worker's PINGs are answered, whatever the moment", async (t) => {
  const { peer } = await setUp(t);
  peer.write(frame(frameTypes.ping, 0, 0, Buffer.from("12345678")), frame(frameTypes.ping, flags.ack, 0, Buffer.from("abcdefgh")));
  await peer.until("the answer", () => peer.frames.includes("PING ack 12345678"));
  t.notOk(peer.frames.includes("PING ack abcdefgh"));
});

void t.test("a worker that hangs with calls in flight is asked, and given up when it does not answer", async (t) => {
  const { clock, tick } = manualTicks();
  const { client, peer } = await setUp(t, { clock });
  await peer.until("the Watch", () => peer.streams.size === 1);
  for (let count = 0; count < 5; count++) tick();
  const call = client.lint("x");
  await peer.request();
  t.notOk(peer.frames.some((line) => line.startsWith("PING")), "an idle worker is not asked");
  const ask = async (count: number): Promise<void> => {
    tick();
    await peer.until(`PING ${count}`, () => peer.frames.filter((line) => line.startsWith("PING lintel")).length === count);
  };
  await ask(1);
  peer.write(frame(frameTypes.ping, flags.ack, 0, Buffer.from("lintel\0\0")));
  await peer.barrier();
  tick(); // it answered
  t.same(client.events, ["open"]);
  tick(); // silent again: asked for the second time
  await peer.until("PING 2", () => peer.frames.filter((line) => line.startsWith("PING lintel")).length === 2);
  tick();
  t.match(await call.outcome, { kind: "connection-lost", message: /no PING/ });
  t.match(client.events.at(-1), /closed: the worker answered no PING within 5000 ms/);
});

void t.test("without replies a worker is asked only as often as C-core bears", async (t) => {
  const { clock, tick } = manualTicks();
  const { client, peer } = await setUp(t, { clock });
  client.lint("x");
  await peer.request();
  tick(); // for what was heard until now
  const pings = (): number => peer.frames.filter((line) => line.startsWith("PING lintel")).length;
  for (let count = 1; count <= 2; count++) {
    tick();
    await peer.until(`PING ${count}`, () => pings() === count);
    peer.write(frame(frameTypes.ping, flags.ack, 0, Buffer.alloc(8)));
    await peer.barrier();
    tick();
  }
  for (let count = 0; count < 10; count++) tick();
  t.equal(pings(), 2);
  t.same(client.events, ["open"]);
});

void t.test("before the stream ids run out the connection asks to be replaced, and goes on meanwhile", async (t) => {
  const { client, peer } = await setUp(t, { limits: { rotateAtStreamId: 7 } });
  for (const report of ["1", "2", "3", "4"]) {
    const call = client.lint("x");
    await peer.until(`request ${report}`, () => peer.streams.get(call.ticket)?.isEnded === true);
    peer.write(reply(peer, call.ticket, report));
    t.match(await call.outcome, { report });
  }
  t.match(client.events, ["open", /draining: .*stream ids/]);
});

void t.test("Describe is answered once, or says why not", async (t) => {
  const { client, peer } = await setUp(t);
  const ask = async (answer: (id: number) => readonly Uint8Array[]): Promise<unknown> => {
    const count = [...peer.streams.values()].filter((stream) => stream.fields[":path"] === "/lintel.v1.Linter/Describe").length;
    const description = client.connection.describe(5_000);
    description.catch(() => undefined);
    const request = await peer.request(count + 1);
    t.equal(request.body.toString("hex"), "0000000000");
    peer.write(...answer(request.id));
    return description;
  };
  const message = Buffer.concat([Uint8Array.of(0), uint32(8), Buffer.from("\x0a\x02py\x12\x021\0", "latin1")]);
  t.match(await ask((id) => [replyHeaders(peer, id), data(id, message.subarray(0, 7)), data(id, message.subarray(7)), trailers(peer, id)]), { language: "py", version: "1\0" });
  await t.rejects(ask((id) => [trailers(peer, id, { ":status": "200", "content-type": "application/grpc", "grpc-status": "12", "grpc-message": "no%21" })]), /UNIMPLEMENTED: no!/);
  await t.rejects(ask((id) => [replyHeaders(peer, id), trailers(peer, id)]), /no message/);
  await t.rejects(ask((id) => [replyHeaders(peer, id), data(id, Uint8Array.of(0, 0, 0, 0, 1, 0x0a)), trailers(peer, id)]), /ends behind/);
  await t.rejects(ask((id) => [goaway(id - 2, 0)]), /leaving/);
});

void t.test("Describe gives up when its time is over, and when the connection ends", async (t) => {
  const { client, peer } = await setUp(t);
  await t.rejects(client.connection.describe(20), /no answer within 20 ms/);
  await peer.until("the reset", () => peer.frames.some((line) => line.startsWith("RST_STREAM")));
  const pending = client.connection.describe(5_000);
  await peer.request(2);
  peer.socket.destroy();
  await t.rejects(pending, /connection/);
});

void t.test("the health Watch tells that a worker is leaving, is started anew when it ends, and given up when it is not implemented", async (t) => {
  const { clock, tick } = manualTicks();
  const { client, peer } = await setUp(t, { clock });
  const watches = (): number[] => [...peer.streams.values()].filter((stream) => stream.fields[":path"] === "/grpc.health.v1.Health/Watch").map(({ id }) => id);
  const status = (value: number): Buffer => Buffer.concat([Uint8Array.of(0), uint32(2), Uint8Array.of(8, value)]);
  await peer.until("the Watch", () => watches().length === 1);
  t.equal(peer.streams.get(watches()[0]!)!.fields["grpc-timeout"], undefined);
  peer.write(replyHeaders(peer, 1), data(1, status(1)), data(1, Buffer.concat([status(1), status(0)])), trailers(peer, 1, { "grpc-status": "14" }));
  await peer.barrier();
  tick();
  await peer.until("the second Watch", () => watches().length === 2);
  t.same(client.events, ["open"]);
  peer.write(replyHeaders(peer, watches()[1]!), data(watches()[1]!, status(2)));
  t.match(await client.event(/^draining/), /not serving/);

  const without = await setUp(t, { clock });
  await without.peer.until("its Watch", () => without.peer.streams.size === 1);
  without.peer.write(trailers(without.peer, 1, { ":status": "200", "content-type": "application/grpc", "grpc-status": "12" }));
  await without.peer.barrier();
  for (let count = 0; count < 3; count++) tick();
  const call = without.client.lint("x");
  await without.peer.request();
  without.peer.write(reply(without.peer, call.ticket, "{}"));
  t.match(await call.outcome, { report: "{}" });
  t.equal(without.peer.streams.size, 2);
});

void t.test("a Watch that goes on for long gets its window back", async (t) => {
  const { peer } = await setUp(t, { reportBytesMax: 65_536 });
  await peer.until("the Watch", () => peer.streams.size === 1);
  peer.write(replyHeaders(peer, 1));
  const serving = Buffer.concat([Uint8Array.of(0), uint32(2), Uint8Array.of(8, 1)]);
  const many = Buffer.concat(Array.from({ length: 2_000 }, () => serving));
  for (let count = 0; count < 10; count++) peer.write(data(1, many));
  await peer.until("the window", () => peer.frames.filter((line) => line.startsWith("WINDOW_UPDATE 1 ")).length >= 3);
});

void t.test("replies in any number get the connection's window back, padding its stream's", async (t) => {
  const { client, peer } = await setUp(t, { limits: { connectionWindowBytes: 100_000 } });
  for (let count = 1; count <= 10; count++) {
    const call = client.lint("x");
    await peer.request(count);
    peer.write(replyHeaders(peer, call.ticket), frame(frameTypes.data, flags.padded, call.ticket, Buffer.concat([Uint8Array.of(200), lintResponse("r".repeat(16_000)), Buffer.alloc(200)])), trailers(peer, call.ticket));
    t.match(await call.outcome, { report: /^r{16000}$/ });
  }
  await peer.until("the windows", () => peer.frames.filter((line) => /^WINDOW_UPDATE 0 /.test(line)).length >= 3);
  await peer.until("the padding", () => peer.frames.filter((line) => /^WINDOW_UPDATE \d+ 201$/.test(line)).length === 10);
});

void t.test("a worker that asks without end and never reads is given up", async (t) => {
  const { client, peer } = await setUp(t, { limits: { queuedBytesMax: 200_000 } });
  await peer.until("the Watch", () => peer.streams.size === 1);
  peer.socket.pause();
  const pings = Buffer.concat(Array.from({ length: 10_000 }, () => frame(frameTypes.ping, 0, 0, Buffer.alloc(8))));
  const flood = (): void => {
    while (!peer.socket.destroyed && peer.socket.write(pings));
  };
  peer.socket.on("drain", flood);
  flood();
  t.match(await client.event(/^closed/), /does not read: \d+ bytes wait/);
});
