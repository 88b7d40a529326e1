/**
 * Holds many connections open that do next to nothing: each sends one small request now and then, often
 * enough that no server takes it for dead.
 */
import { connect, type Socket } from "node:net";
import { requestBytes } from "../request-bytes.js";
import { endWithParent, processOptions, tellReady } from "./child-side.js";

export interface IdleOptions {
  readonly port: number;
  readonly path: string;
  readonly connections: number;
  /** The pause between two requests of one connection; uWebSockets.js cuts silent ones after 10 s. */
  readonly everyMs: number;
}

endWithParent();
const { port, path, connections, everyMs } = processOptions() as IdleOptions;
const request = requestBytes(path, Buffer.from("x = 1\n"));
/** Opening all at once would overflow accept queues. */
const openingMax = 200;
const tickMs = 20;
const sockets: Socket[] = [];

async function open(): Promise<void> {
  while (sockets.length < connections) {
    const batch = Array.from(
      { length: Math.min(openingMax, connections - sockets.length) },
      () =>
        new Promise<Socket>((resolve, reject) => {
          const socket = connect(port, "127.0.0.1", () => resolve(socket));
          socket.once("error", reject);
          socket.resume();
        }),
    );
    for (const socket of await Promise.all(batch)) {
      socket.on("error", () => undefined);
      sockets.push(socket);
    }
  }
}

let next = 0;
let due = 0;

function tick(): void {
  due += (connections * tickMs) / everyMs;
  for (; due >= 1; due--) {
    sockets[next]?.write(request);
    next = (next + 1) % connections;
  }
}

const early = setInterval(tick, tickMs);
await open();
clearInterval(early);
setInterval(tick, tickMs);
tellReady({ ports: [] });
