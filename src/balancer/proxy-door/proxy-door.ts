/**
 * A port of its own for proxies that speak the PROXY protocol, as the balancer's main thread sees it: a thread that is started, started
 * again when it crashes, and told to leave. Must not know what passes through it.
 */
import { randomInt } from "node:crypto";
import { Worker } from "node:worker_threads";
import { ProxiedClients } from "../../balancing/proxied-clients.js";
import type { Clock } from "../../base/clock.js";
import type { Logger } from "../../base/logger.js";
import { threadOf } from "../../base/program.js";
import { type Address, throughLoopback } from "../../snapshot/address.js";
import type { ProxyRelayOptions } from "./proxy-relay.js";

export interface ProxyDoorOptions {
  readonly listen: Address;
  /** Networks of proxies. */
  readonly from: readonly string[];
}

export interface ProxyDoorThreadOptions extends ProxyRelayOptions {
  readonly listen: Address;
  readonly memory: SharedArrayBuffer;
  /** How long to try while another process has the port. */
  readonly waitMs: number;
}

export type ToProxyDoor = { readonly kind: "stop-listening" } | { readonly kind: "close" };

export type FromProxyDoor =
  | { readonly kind: "listening"; readonly port: number }
  | { readonly kind: "listen-failed"; readonly reason: string }
  /** One of those that were closed; not each is told. */
  | { readonly kind: "refused"; readonly reason: string; readonly peer: string };

/** What a proxy says first it has when it connects. */
const headerTimeoutMs = 5_000;
/** A crash is a bug; one that comes at every start must not take a core. */
const restartDelayMs = 500;

export class ProxyDoor {
  /** What shards look clients up in. */
  readonly memory = ProxiedClients.allocate(randomInt(64, 256));
  /** What it really listens on, once `listen` has returned. */
  port: number;
  private thread: Worker | undefined;
  private stopping = false;

  constructor(
    private readonly options: ProxyDoorOptions,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {
    this.port = options.listen.port;
  }

  /** `target` is the users' port. "" when it listens, else why it cannot; `waitMs` is how long to try while the port is somebody else's. */
  async listen(target: Address, waitMs: number): Promise<string> {
    const host = throughLoopback(target.host);
    // A file is refused for it (snapshot/cross-checks.ts); a flag may have said something else.
    if (host === undefined) return `its connections go on to the users' port from IPv4's loopback, which does not reach ${target.host}`;
    const answer = await this.spawn({ host, port: target.port }, waitMs);
    if (answer.kind === "listening") this.port = answer.port;
    return answer.kind === "listen-failed" ? answer.reason : "";
  }

  stopListening(): void {
    this.stopping = true;
    this.post({ kind: "stop-listening" });
  }

  /** Cuts what is left. Resolves when the thread has ended. */
  async close(): Promise<void> {
    this.stopping = true;
    const { thread } = this;
    if (thread === undefined) return;
    const ended = new Promise<void>((resolve) => thread.once("exit", () => resolve()));
    this.post({ kind: "close" });
    await ended;
  }

  private post(message: ToProxyDoor): void {
    this.thread?.postMessage(message);
  }

  private spawn(target: Address, waitMs: number): Promise<Exclude<FromProxyDoor, { kind: "refused" }>> {
    const { from, listen } = this.options;
    const workerData: ProxyDoorThreadOptions = { from, listen: { host: listen.host, port: this.port }, target, headerTimeoutMs, memory: this.memory, waitMs };
    const thread = new Worker(...threadOf("balancer/proxy-door/thread", { workerData, name: "PROXY protocol" }));
    this.thread = thread;
    return new Promise((resolve) => {
      thread.on("message", (message: FromProxyDoor) => {
        if (message.kind === "refused") this.logger.warn("a connection through http.proxyProtocol was refused", { peer: message.peer, reason: message.reason });
        else resolve(message);
      });
      thread.on("error", (error) => this.logger.error("the thread of http.proxyProtocol failed; starting it again", { reason: error.message }));
      thread.once("exit", () => {
        this.thread = undefined;
        resolve({ kind: "listen-failed", reason: "its thread ended" });
        if (!this.stopping) this.clock.after(restartDelayMs, () => this.stopping || void this.spawn(target, 0));
      });
    });
  }
}
