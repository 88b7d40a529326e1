/** One write a turn and connection, and at once when there is nothing to wait for. */
import t, { type Test } from "tap";
import { createHttp2Connector } from "../../src/upstream/http2-connector.js";
import type { Connection, LintCall } from "../../src/upstream/connection.js";
import type { FlushPolicy } from "../../src/upstream/turn-flusher.js";
import { reply, startRawServer, type RawPeer } from "./raw-peer.js";

const call: LintCall = { source: Buffer.from("x"), filename: "", optionsJson: "", traceparent: "" };

async function setUp(t: Test, count: number, flushPolicy: FlushPolicy): Promise<{ connections: Connection[]; peers: RawPeer[]; writes: () => number }> {
  const server = await startRawServer();
  t.teardown(() => server.close());
  const connector = createHttp2Connector({ flushPolicy });
  const connections: Connection[] = [];
  const peers: RawPeer[] = [];
  for (let index = 1; index <= count; index++) {
    await new Promise<void>((resolve) => {
      const options = { host: "127.0.0.1", port: server.port, connectTimeoutMs: 5_000, reportBytesMax: 1_000 };
      connections.push(connector.open(options, { onOpen: resolve, onDraining: () => undefined, onClosed: () => undefined }));
    });
    const peer = await server.peer(index);
    await peer.until("the Watch", () => peer.streams.size === 1);
    peers.push(peer);
  }
  t.teardown(() => connections.forEach((connection) => connection.close()));
  return { connections, peers, writes: () => connector.flusher.writes };
}

void t.test("everything sent in one turn leaves in one write per connection", async (t) => {
  const { connections, peers, writes } = await setUp(t, 3, "turn");
  const before = writes();
  const settled: Promise<unknown>[] = [];
  for (let index = 0; index < 30; index++) {
    settled.push(new Promise((resolve) => connections[index % 3]!.lint(call, 1_000, { onReply: resolve, onFailure: resolve })));
  }
  t.equal(writes(), before, "nothing before the end of the turn");
  await Promise.all(peers.map((peer) => peer.request(10)));
  t.equal(writes(), before + 3);
  for (const peer of peers) peer.write(...[...peer.streams.keys()].slice(1).map((id) => reply(peer, id, "{}")));
  await Promise.all(settled);
});

void t.test("a call that is alone on the shard leaves at once, the next ones with the turn", async (t) => {
  const { connections, peers, writes } = await setUp(t, 2, "alone-at-once");
  for (let round = 1; round <= 5; round++) {
    const before = writes();
    const settled = [0, 1, 1].map(
      (index, nth) =>
        new Promise((resolve) => {
          connections[index]!.lint(call, 1_000, { onReply: resolve, onFailure: resolve });
          t.equal(writes(), before + 1, `call ${nth} of round ${round}`);
        }),
    );
    await Promise.all([peers[0]!.request(round), peers[1]!.request(2 * round)]);
    t.equal(writes(), before + 2);
    // One is answered, one is cancelled by the worker, one by us: each way the shard must count it as over.
    const [second, third] = [...peers[1]!.streams.keys()].slice(-2) as [number, number];
    peers[0]!.write(reply(peers[0]!, [...peers[0]!.streams.keys()].at(-1)!, "{}"));
    peers[1]!.write(Buffer.from([0, 0, 4, 3, 0, 0, 0, 0, second, 0, 0, 0, 7]));
    await Promise.all(settled.slice(0, 2));
    connections[1]!.cancel(third);
    await peers[1]!.until("the reset", () => peers[1]!.frames.includes(`RST_STREAM ${third} 8`));
  }
});
