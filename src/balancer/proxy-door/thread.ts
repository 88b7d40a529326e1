/**
 * The thread of the PROXY protocol's port: bytes that are passed on must neither wait for the main thread nor stop it. Started by
 * proxy-door.ts as a worker thread with `ProxyDoorThreadOptions` as its data. Must not know HTTP.
 */
import { parentPort, workerData } from "node:worker_threads";
import { ProxiedClients } from "../../balancing/proxied-clients.js";
import { assert } from "../../base/assert.js";
import { delay, systemClock } from "../../base/clock.js";
import { messageOf } from "../../base/errors.js";
import type { FromProxyDoor, ProxyDoorThreadOptions, ToProxyDoor } from "./proxy-door.js";
import { ProxyRelay } from "./proxy-relay.js";

const port = parentPort;
assert(port !== null, "the door runs as a worker thread");
const say = (message: FromProxyDoor): void => port.postMessage(message);
const { memory, listen, waitMs, ...options } = workerData as ProxyDoorThreadOptions;
/** Whoever knocks in vain does so often: one word about it a minute. */
const quietMs = 60_000;
const tryAgainMs = 20;

const clients = new ProxiedClients(memory);
// A predecessor that crashed took its connections with it.
clients.releaseAll();
let quietUntilMs = -Infinity;
let leaving = false;
const relay = new ProxyRelay(options, clients, systemClock, (reason, peer) => {
  const nowMs = systemClock.nowMs();
  if (nowMs < quietUntilMs) return;
  quietUntilMs = nowMs + quietMs;
  say({ kind: "refused", reason, peer });
});

port.on("message", (message: ToProxyDoor) => {
  leaving = true;
  if (message.kind === "stop-listening") {
    relay.stopListening();
    return;
  }
  relay.close();
  port.close();
});

void open();

/** A balancer that is replaced lets go of the port in its own time. */
async function open(): Promise<void> {
  const endMs = systemClock.nowMs() + waitMs;
  let reason = "";
  do {
    if (reason !== "") await delay(tryAgainMs);
    try {
      say({ kind: "listening", port: await relay.listen(listen.host, listen.port) });
      return;
    } catch (error) {
      reason = messageOf(error);
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") break;
    }
  } while (!leaving && systemClock.nowMs() < endMs);
  say({ kind: "listen-failed", reason });
}
