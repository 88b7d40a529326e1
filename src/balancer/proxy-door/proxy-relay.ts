/**
 * Takes connections from trusted proxies, reads the PROXY header in front of each, and passes on what is behind it, bytes as they
 * are, to the users' port: TLS passes through. Every connection comes there from a loopback address of its own, by which shards know its client
 * (balancing/proxied-clients.ts). A header is read once, in front: what a client sends itself is never taken for one. Must not know
 * HTTP or shards.
 */
import { once } from "node:events";
import { connect, createServer, isIPv4, type AddressInfo, type Server, type Socket } from "node:net";
import type { ProxiedClients } from "../../balancing/proxied-clients.js";
import type { Clock } from "../../base/clock.js";
import { groupsOf, NetworkList } from "../../snapshot/network.js";
import { readProxyHeader } from "./proxy-header.js";

export interface ProxyRelayOptions {
  /** Networks of proxies, as `parseNetwork` reads them. */
  readonly from: readonly string[];
  /** The users' port, at an address that can be reached from loopback. */
  readonly target: { readonly host: string; readonly port: number };
  /** A proxy sends its header with the connection's first packet. */
  readonly headerTimeoutMs: number;
}

export class ProxyRelay {
  private readonly server: Server;
  private readonly trusted: NetworkList;
  private readonly open = new Set<Socket>();

  constructor(
    private readonly options: ProxyRelayOptions,
    private readonly clients: ProxiedClients,
    private readonly clock: Clock,
    /** Of a connection that was closed, and whose it was. */
    private readonly onRefused: (reason: string, peer: string) => void,
  ) {
    this.trusted = new NetworkList(options.from);
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.receive(socket));
  }

  /** Resolves with the port; rejects with the system's error. */
  async listen(host: string, port: number): Promise<number> {
    this.server.listen({ host, port });
    await once(this.server, "listening");
    return (this.server.address() as AddressInfo).port;
  }

  /** Connections that are there stay. */
  stopListening(): void {
    this.server.close();
  }

  close(): void {
    this.stopListening();
    for (const socket of this.open) socket.destroy();
  }

  private receive(socket: Socket): void {
    const peer = (socket.remoteAddress ?? "").replace(/^::ffff:(?=[\d.]+$)/i, "");
    // Whatever is wrong with it, "close" follows.
    socket.on("error", () => undefined);
    this.open.add(socket);
    socket.once("close", () => this.open.delete(socket));
    const refuse = (reason: string): void => {
      this.onRefused(reason, peer);
      socket.destroy();
    };
    if (!this.trusted.has(peer)) {
      refuse("it is not in http.proxyProtocol.from");
      return;
    }
    const timer = this.clock.after(this.options.headerTimeoutMs, () => refuse(`it sent no whole PROXY header within ${this.options.headerTimeoutMs} ms`));
    socket.once("close", () => this.clock.clear(timer));
    let bytes = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk]);
      const header = readProxyHeader(bytes);
      if (header.kind === "incomplete") return;
      socket.off("data", onData).off("end", onEnd).pause();
      this.clock.clear(timer);
      if (header.kind === "wrong") refuse(header.reason);
      else this.passOn(socket, header.client ?? bytesOfAddress(peer), bytes.subarray(header.length), refuse);
    };
    // A proxy that looks whether somebody is there leaves like this: nothing to tell anybody.
    const onEnd = (): unknown => socket.destroy();
    socket.on("data", onData).on("end", onEnd);
  }

  private passOn(socket: Socket, client: Uint8Array, first: Buffer, refuse: (reason: string) => void): void {
    const address = this.clients.take(client);
    if (address === undefined) {
      refuse("there are too many connections through http.proxyProtocol");
      return;
    }
    const { host, port } = this.options.target;
    const upstream = connect({ host, port, localAddress: address, allowHalfOpen: true, noDelay: true });
    this.open.add(upstream);
    upstream.once("error", (error: NodeJS.ErrnoException) => {
      if (upstream.connecting || error.syscall === "connect") refuse(`the users' port cannot be reached: ${error.message}`);
      socket.destroy();
    });
    upstream.once("close", () => {
      this.open.delete(upstream);
      this.clients.release(address);
      // What was answered still goes out.
      socket.destroySoon();
    });
    // A client that left is nobody to answer to.
    socket.once("close", () => upstream.destroy());
    if (socket.destroyed) upstream.destroy();
    upstream.write(first);
    socket.pipe(upstream);
    upstream.pipe(socket);
  }
}

/** 4 or 16; an IPv6 address as the system writes it, with its zone. */
function bytesOfAddress(address: string): Uint8Array {
  if (isIPv4(address)) return Uint8Array.from(address.split(".").map(Number));
  return Uint8Array.from(groupsOf(address.split("%")[0] ?? "").flatMap((group) => [group >> 8, group & 255]));
}
