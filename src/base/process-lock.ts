/**
 * Locks between processes of one machine that vanish with their process: a socket in Linux's abstract namespace, per network
 * namespace, on which the holder says who it is. No stale lock is ever left behind. Must not know what is locked.
 */
import { connect, createServer, type Server } from "node:net";
import { type Clock, delay } from "./clock.js";
import { codeOf, messageOf } from "./errors.js";

export interface ProcessLock {
  release(): Promise<void>;
}

/** Other systems have no abstract namespace; whoever takes a lock there gets one that excludes nobody. */
const noLock: ProcessLock = { release: () => Promise.resolve() };

/** Names are cut by the system at 107 bytes, which would make two of them one. */
const nameBytesMax = 100;

/** Undefined when somebody has it, this process included. `answer` is what the holder says to those who ask. */
export async function tryLock(name: string, answer = String(process.pid)): Promise<ProcessLock | undefined> {
  if (Buffer.byteLength(name) > nameBytesMax) throw new Error(`the name of a lock has at most ${nameBytesMax} bytes: ${name}`);
  if (process.platform !== "linux") return noLock;
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    // Whoever asks and then holds its end open must not hold up a release.
    socket.end(answer, () => socket.destroy());
  });
  server.unref();
  if ((await listening(server, { path: `\0${name}` })) !== "") return undefined;
  return { release: () => closed(server) };
}

/** Tries again every `pauseMs`; undefined when somebody still has it after `timeoutMs`. */
export async function lockWithin(name: string, timeoutMs: number, pauseMs: number, clock: Clock): Promise<ProcessLock | undefined> {
  const endMs = clock.nowMs() + timeoutMs;
  let lock = await tryLock(name);
  while (lock === undefined && clock.nowMs() < endMs) {
    await delay(pauseMs);
    lock = await tryLock(name);
  }
  return lock;
}

/** What the holder of a lock answers; "" when there is none, or when it says nothing within a second. */
export function askHolder(name: string): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect(`\0${name}`);
    socket.setTimeout(1_000, () => socket.destroy());
    socket.on("data", (data) => (text += data.toString()));
    socket.on("error", () => resolve(""));
    socket.on("close", () => resolve(text));
  });
}

/** The system's error code against listening there; "" when it listens. */
export function listening(server: Server, where: { path: string } | { host: string; port: number }): Promise<string> {
  return new Promise((resolve) => {
    server.once("error", (error) => resolve(codeOf(error) || messageOf(error)));
    server.listen(where, () => resolve(""));
  });
}

export function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
