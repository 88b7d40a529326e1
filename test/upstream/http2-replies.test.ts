/** What a worker answers, right and wrong, frame by frame: every call is settled once and the connection lives on. */
import t, { type Test } from "tap";
import { flags, frameTypes } from "../../src/http2/protocol.js";
import { openClient, type Client, type Outcome } from "./http2-client.js";
import { data, frame, lintResponse, reply, replyHeaders, rstStream, startRawServer, trailers, uint32, type RawPeer } from "./raw-peer.js";

async function setUp(t: Test, options: Parameters<typeof openClient>[1] = {}): Promise<{ client: Client; peer: RawPeer }> {
  const server = await startRawServer();
  t.teardown(() => server.close());
  const client = await openClient(server.port, options);
  t.teardown(() => client.end());
  return { client, peer: await server.peer() };
}

/** Sends one request, lets `answer` write something for its stream, and gives the outcome. */
async function exchange(client: Client, peer: RawPeer, answer: (id: number) => readonly Uint8Array[]): Promise<Outcome> {
  const { ticket, outcome } = client.lint("x");
  await peer.until(`request ${ticket}`, () => peer.streams.get(ticket)?.isEnded === true);
  peer.write(...answer(ticket));
  return outcome;
}

void t.test("a request has the headers and the message that gRPC asks for", async (t) => {
  const { client, peer } = await setUp(t);
  const { outcome } = client.lint("import os\n", { filename: "ä.py", optionsJson: "{}", traceparent: "00-1", timeoutMs: 1_234 });
  const request = await peer.request();
  t.match(request.fields, {
    ":method": "POST",
    ":scheme": "http",
    ":path": "/lintel.v1.Linter/Lint",
    ":authority": /^127\.0\.0\.1:\d+$/,
    "content-type": "application/grpc",
    te: "trailers",
    "grpc-timeout": "1234m",
  });
  t.equal(request.body.toString("latin1"), "\0\0\0\0\x1d" + "\x12\x05\xc3\xa4.py" + "\x1a\x02{}" + "\x22\x0400-1" + "\x0a\x0aimport os\n");
  peer.write(reply(peer, request.id, "{}", 3));
  t.same(await outcome, { report: "{}", queueDepth: 3 });
});

void t.test("a reply is understood however it is cut, padded, split and mixed with others", async (t) => {
  const { client, peer } = await setUp(t);
  const report = "r".repeat(300);
  const message = lintResponse(report, 5);
  const padded = (id: number, bytes: Uint8Array): Buffer => frame(frameTypes.data, flags.padded, id, Buffer.concat([Uint8Array.of(7), bytes, Buffer.alloc(7)]));
  const split = (id: number, block: Buffer, isEnd: boolean): Buffer[] => [
    frame(frameTypes.headers, isEnd ? flags.endStream : 0, id, block.subarray(0, 1)),
    frame(frameTypes.continuation, 0, id),
    frame(frameTypes.continuation, flags.endHeaders, id, block.subarray(1)),
  ];
  const ways: readonly ((id: number) => readonly Uint8Array[])[] = [
    (id) => [reply(peer, id, report, 5)],
    (id) => [replyHeaders(peer, id), padded(id, message), trailers(peer, id)],
    (id) => [replyHeaders(peer, id), data(id, message.subarray(0, 3)), data(id, Buffer.alloc(0)), data(id, message.subarray(3, 5)), data(id, message.subarray(5, 50)), padded(id, message.subarray(50)), trailers(peer, id)],
    (id) => [...split(id, peer.block({ ":status": "200", "content-type": "application/grpc+proto" }), false), data(id, message), ...split(id, peer.block({ "grpc-status": "0", "grpc-message": "fine" }), true)],
    (id) => [frame(frameTypes.headers, flags.endHeaders, id, peer.block({ ":status": "103", link: "</x>" })), replyHeaders(peer, id), frame(frameTypes.priority, 0, id, Buffer.alloc(5)), data(id, message), trailers(peer, id)],
    (id) => [replyHeaders(peer, id), frame(0xbe, 0, id, [1]), data(id, message), trailers(peer, id)],
  ];
  for (const way of ways) t.same(await exchange(client, peer, way), { report, queueDepth: 5 });

  const bytewise = client.lint("x");
  const request = await peer.request(ways.length + 1);
  await peer.writeBytewise(reply(peer, request.id, report, 5));
  t.same(await bytewise.outcome, { report, queueDepth: 5 });

  const [one, two] = [client.lint("x"), client.lint("x")];
  await peer.request(ways.length + 3);
  peer.write(replyHeaders(peer, one.ticket), replyHeaders(peer, two.ticket), data(one.ticket, message.subarray(0, 20)), data(two.ticket, message));
  peer.write(data(one.ticket, message.subarray(20)), trailers(peer, one.ticket), trailers(peer, two.ticket));
  t.same(await one.outcome, { report, queueDepth: 5 });
  t.same(await two.outcome, { report, queueDepth: 5 });
  t.same(client.events, ["open"]);
});

void t.test("every status means what linter.proto says, with the worker's words and queue depth", async (t) => {
  const { client, peer } = await setUp(t);
  const kinds = new Map([
    [3, "rejected"],
    [4, "deadline"],
    [8, "overloaded"],
    [10, "killed"],
    [13, "crashed"],
    [14, "draining"],
    ...[1, 2, 5, 6, 7, 9, 11, 12, 15, 16, 99].map((status) => [status, "contract"] as const),
  ]);
  for (const [status, kind] of kinds) {
    const fields = { "grpc-status": String(status), "grpc-message": "caf%C3%A9", "lintel-queue-depth": "12" };
    const afterHeaders = await exchange(client, peer, (id) => [replyHeaders(peer, id), trailers(peer, id, fields)]);
    const alone = await exchange(client, peer, (id) => [trailers(peer, id, { ":status": "200", "content-type": "application/grpc", ...fields })]);
    t.match(afterHeaders, { kind, message: /café$/, queueDepth: 12 }, `status ${status}`);
    t.same(alone, afterHeaders);
  }
  const rejected = await exchange(client, peer, (id) => [trailers(peer, id, { ":status": "200", "content-type": "application/grpc", "grpc-status": "3" })]);
  t.same(rejected, { kind: "rejected", message: "", queueDepth: -1 });
  t.same(client.events, ["open"]);
});

void t.test("a reset says by its code whether the call was begun", async (t) => {
  const { client, peer } = await setUp(t);
  t.match(await exchange(client, peer, (id) => [rstStream(id, 7)]), { kind: "draining", message: /REFUSED_STREAM/ });
  t.match(await exchange(client, peer, (id) => [rstStream(id, 11)]), { kind: "overloaded", message: /ENHANCE_YOUR_CALM/ });
  t.match(await exchange(client, peer, (id) => [replyHeaders(peer, id), rstStream(id, 2)]), { kind: "contract", message: /INTERNAL_ERROR/ });
  t.match(await exchange(client, peer, (id) => [rstStream(id, 4_711)]), { kind: "contract", message: /error code 4711/ });
  t.same(client.events, ["open"]);
});

void t.test("an answer that is none is a broken contract of that call alone, and its stream is reset", async (t) => {
  const { client, peer } = await setUp(t, { reportBytesMax: 1_000, limits: { headerListBytesMax: 500 } });
  const message = lintResponse("{}");
  const ended = (id: number): Buffer => trailers(peer, id);
  const cases: readonly (readonly [RegExp, isReset: boolean, (id: number) => readonly Uint8Array[]])[] = [
    [/HTTP status 404/, true, (id) => [replyHeaders(peer, id, { ":status": "404" })]],
    [/HTTP status 503/, false, (id) => [trailers(peer, id, { ":status": "503" })]],
    [/without an HTTP status/, true, (id) => [frame(frameTypes.headers, flags.endHeaders, id, peer.block({ "content-type": "application/grpc" }))]],
    [/"text\/html" instead/, true, (id) => [replyHeaders(peer, id, { "content-type": "text/html" })]],
    [/pseudo-header field that replies/, true, (id) => [replyHeaders(peer, id, { ":path": "/" })]],
    [/without a grpc-status/, false, (id) => [replyHeaders(peer, id), data(id, message), trailers(peer, id, { date: "now" })]],
    [/without a grpc-status/, false, (id) => [trailers(peer, id, { ":status": "200", "content-type": "application/grpc", "grpc-status": "-1" })]],
    [/OK without a message/, false, (id) => [replyHeaders(peer, id), ended(id)]],
    [/OK without a message/, false, (id) => [replyHeaders(peer, id), data(id, message.subarray(0, 6)), ended(id)]],
    [/more than one message/, true, (id) => [replyHeaders(peer, id), data(id, Buffer.concat([message, message]))]],
    [/more than one message/, true, (id) => [replyHeaders(peer, id), data(id, message), data(id, Uint8Array.of(0))]],
    [/ended without trailers/, false, (id) => [replyHeaders(peer, id), data(id, message, true)]],
    [/data before the headers/, true, (id) => [data(id, message)]],
    [/headers in the middle/, true, (id) => [replyHeaders(peer, id), replyHeaders(peer, id)]],
    [/trailers with pseudo/, false, (id) => [replyHeaders(peer, id), data(id, message), trailers(peer, id, { ":status": "200", "grpc-status": "0" })]],
    [/compressed message/, true, (id) => [replyHeaders(peer, id), data(id, Uint8Array.of(1, 0, 0, 0, 0))]],
    [/message of 2000000 bytes/, true, (id) => [replyHeaders(peer, id), data(id, Buffer.concat([Uint8Array.of(0), uint32(2_000_000)]))]],
    [/report of 1001 bytes/, false, (id) => [reply(peer, id, "r".repeat(1_001))]],
    [/field 1 ends behind/, false, (id) => [replyHeaders(peer, id), data(id, Uint8Array.of(0, 0, 0, 0, 2, 0x0a, 9)), ended(id)]],
    [/bytes of headers, more than the 500/, true, (id) => [replyHeaders(peer, id, { x: "y".repeat(600) })]],
  ];
  for (const [message, isReset, answer] of cases) {
    const before = peer.frames.length;
    t.match(await exchange(client, peer, answer), { kind: "contract", message, queueDepth: -1 });
    // The next whole exchange shows that the connection is as it was, and that the reset has come.
    t.same(await exchange(client, peer, (id) => [reply(peer, id, "{}")]), { report: "{}", queueDepth: 0 });
    t.equal(peer.frames.slice(before).some((line) => line.startsWith("RST_STREAM")), isReset, `${String(message)}: ${peer.frames.slice(before).join("; ")}`);
  }
  t.same(client.events, ["open"]);
});

void t.test("a cancelled call is reset, hears nothing, and what still comes for it is ignored", async (t) => {
  const { client, peer } = await setUp(t);
  const call = client.lint("x");
  call.outcome.then(
    () => t.fail("a cancelled call was settled"),
    () => undefined,
  );
  const request = await peer.request();
  client.connection.cancel(call.ticket);
  client.connection.cancel(call.ticket);
  await peer.until("the reset", () => peer.frames.includes(`RST_STREAM ${request.id} 8`));
  peer.write(reply(peer, request.id, "{}"), rstStream(request.id, 8));
  t.same(await exchange(client, peer, (id) => [reply(peer, id, "after")]), { report: "after", queueDepth: 0 });
  t.equal(peer.frames.filter((line) => line.startsWith("RST_STREAM")).length, 1);
});

void t.test("thousands of replies, some large, leave every report whole and every call settled once", async (t) => {
  const { client, peer } = await setUp(t);
  const seen: Outcome[] = [];
  for (let round = 0; round < 20; round++) {
    const calls = Array.from({ length: 100 }, (_, index) => client.lint(`${round}/${index}`));
    await peer.until(`round ${round}`, () => [...peer.streams.values()].filter((stream) => stream.isEnded).length >= (round + 1) * 100);
    const parts = calls.map(({ ticket }) => {
      const report = Buffer.alloc(ticket % 7 === 0 ? 16_000 : ticket % 100, `${ticket},`).toString();
      return { ticket, report };
    });
    // Round robin over the frames of all streams: nothing of a reply lies together.
    peer.write(...parts.map(({ ticket }) => replyHeaders(peer, ticket)));
    peer.write(...parts.map(({ ticket, report }) => data(ticket, lintResponse(report))));
    peer.write(...parts.map(({ ticket }) => trailers(peer, ticket)));
    for (const [index, { outcome }] of calls.entries()) {
      const got = await outcome;
      if (!("report" in got) || got.report !== parts[index]!.report) t.fail(`round ${round}, call ${index}: ${JSON.stringify(got).slice(0, 100)}`);
      seen.push(got);
    }
  }
  t.equal(seen.length, 2_000);
  t.equal(client.connection.availableCalls(), 1_024 - 1, "only the Watch is left");
});
