/**
 * The shard's HTTP/2 client against nghttpd, Debian's HTTP/2 server: it knows nothing of gRPC, so that every call
 * breaks the contract, but every frame of ours must be right for it to answer at all.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo, connect } from "node:net";
import t, { type Test } from "tap";
import { openClient } from "../upstream/http2-client.js";
import { missing } from "./debian.js";

const skip = missing("nghttp2-server", ["nghttpd", "--version"]);

/** nghttpd wants to be told its port; one that was free a moment ago is as good as it gets. */
async function serve(t: Test, ...options: string[]): Promise<number> {
  const probe = createServer();
  probe.listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  const server = spawn("nghttpd", ["--no-tls", "--address=127.0.0.1", ...options, String(port)], { stdio: "ignore" });
  t.teardown(async () => {
    server.kill("SIGKILL");
    if (server.signalCode === null) await once(server, "exit");
  });
  for (let attempt = 0; attempt < 500; attempt++) {
    const socket = connect(port, "127.0.0.1");
    const isUp = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
    socket.destroy();
    if (isUp) return port;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error("nghttpd did not start");
}

const ways = [
  ["as it comes", []],
  ["with padding, small windows and no header table", ["--padding=250", "--window-bits=10", "--connection-window-bits=16", "--header-table-size=0", "--encoder-header-table-size=0"]],
  ["with five streams at a time and trailers", ["--max-concurrent-streams=5", "--trailer=grpc-status: 0"]],
] as const;

for (const [name, options] of ways) {
  void t.test(`nghttpd ${name} answers every call on one connection`, { skip }, async (t) => {
    const port = await serve(t, "--echo-upload", ...options);
    const client = await openClient(port);
    // Fewer than a thousand calls: nghttpd keeps a file open for each upload for a while, and ends the connection when it has too many.
    for (let round = 0; round < 25; round++) {
      const calls = Array.from({ length: Math.min(20, client.connection.availableCalls()) }, (_, index) => client.lint(Buffer.alloc(round * index * 40)));
      t.ok(calls.length > 0);
      for (const { outcome } of calls) t.match(await outcome, { kind: "contract", message: /HTTP status|content type/ });
    }
    await t.rejects(client.connection.describe(5_000), /HTTP status|content type/);
    t.same(client.events, ["open"]);
    await client.end();
  });
}
