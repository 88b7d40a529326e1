/** Connections that nobody hears on any more are closed, whatever became of them; those of the living stay. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import t from "tap";
import { clientPreface } from "../../src/http2/protocol.js";
import { startLinter } from "../support/linter-process.js";
import { openClient } from "../upstream/http2-client.js";
import { frame, settings } from "../upstream/raw-peer.js";

const preface = Buffer.from(clientPreface);

const broken: Readonly<Record<string, readonly Uint8Array[]>> = {
  "says nothing": [],
  "greets and is silent": [preface, settings()],
  "sends DATA on stream 0": [preface, settings(), frame(0, 0, 0, [1])],
  "sends a header block that is none": [preface, settings(), frame(1, 4, 1, [0xff, 0xff, 0xff, 0xff])],
};

async function say(port: number, bytes: readonly Uint8Array[]): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.resume();
  await once(socket, "connect");
  socket.write(Buffer.concat(bytes));
  return socket;
}

void t.test("a connection that does not answer a PING is closed", async (t) => {
  const linter = await startLinter("json", "--listen", "127.0.0.1:0", "--threads", "1", "--silence-ms", "300");
  t.teardown(() => linter.stop());
  const living = await openClient(linter.port);
  t.teardown(() => living.end());
  await Promise.all(
    Object.entries(broken).map(async ([what, bytes]) => {
      const socket = await say(linter.port, bytes);
      if (!socket.destroyed) await once(socket, "close");
      t.pass(`one that ${what}`);
    }),
  );
  t.same(living.events, ["open"], "one that answers stays");
  const outcome = await living.lint("[1,]").outcome;
  t.ok("report" in outcome);
});
