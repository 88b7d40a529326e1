/** A worker made of hand-written frames, for everything that a well-behaved server does not do. */
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { FrameReader, type FrameSink } from "../../src/http2/frame-reader.js";
import { writeFrameHeader } from "../../src/http2/frame-writer.js";
import { HpackDecoder } from "../../src/http2/hpack-decoder.js";
import { HpackEncoder } from "../../src/http2/hpack-encoder.js";
import { clientPreface, flags, frameTypes } from "../../src/http2/protocol.js";
import { bounded } from "./http2-client.js";

export interface PeerStream {
  readonly id: number;
  readonly fields: Record<string, string>;
  body: Buffer;
  isEnded: boolean;
}

/** One connection as the worker sees it. */
export class RawPeer implements FrameSink {
  /** What the client sent, a line a frame. */
  readonly frames: string[] = [];
  readonly streams = new Map<number, PeerStream>();
  isClosed = false;
  private barriers = 0;
  private readonly reader = new FrameReader(this);
  private readonly decoder = new HpackDecoder({ tableBytesMax: 4_096, kindOf: () => 0 });
  private readonly encoder = new HpackEncoder();
  private prefaceLeft = clientPreface.length;
  private readonly watchers = new Set<() => void>();

  constructor(readonly socket: Socket) {
    socket.on("data", (chunk) => this.read(chunk));
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.isClosed = true;
      this.changed();
    });
  }

  write(...frames: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  /** Writes one byte a chunk. */
  async writeBytewise(...frames: readonly Uint8Array[]): Promise<void> {
    for (const byte of Buffer.concat(frames)) {
      this.socket.write(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Encodes a header block as a server would that indexes what it can. */
  block(fields: Record<string, string>): Buffer {
    const out = Buffer.alloc(100_000);
    let at = this.encoder.beginBlock(out, 0);
    for (const [name, value] of Object.entries(fields)) at = this.encoder.writeField(out, at, name, value, "indexed");
    return Buffer.from(out.subarray(0, at));
  }

  /** Waits until the client has read all that was written so far. */
  async barrier(): Promise<void> {
    const payload = String(++this.barriers).padStart(8, "0");
    this.write(frame(frameTypes.ping, 0, 0, Buffer.from(payload)));
    await this.until(`barrier ${payload}`, () => this.frames.includes(`PING ack ${payload}`));
  }

  /** Waits for a condition on what the client sent. */
  until(what: string, condition: () => boolean): Promise<void> {
    const met = new Promise<void>((resolve) => {
      const look = (): void => {
        if (!condition()) return;
        this.watchers.delete(look);
        resolve();
      };
      this.watchers.add(look);
      look();
    });
    return bounded(what, met, () => this.frames.join("; "));
  }

  /** The `count`th request other than Watch, once it has ended. */
  async request(count = 1): Promise<PeerStream> {
    const requests = (): PeerStream[] => [...this.streams.values()].filter((stream) => stream.isEnded && stream.fields[":path"] !== "/grpc.health.v1.Health/Watch");
    await this.until(`request ${count}`, () => requests().length >= count);
    return requests()[count - 1]!;
  }

  onData(streamId: number, bytes: Uint8Array, start: number, end: number, _flowBytes: number, isEnd: boolean): void {
    this.frames.push(`DATA ${streamId} ${end - start}${isEnd ? " end" : ""}`);
    const stream = this.streams.get(streamId)!;
    stream.body = Buffer.concat([stream.body, bytes.subarray(start, end)]);
    stream.isEnded ||= isEnd;
  }
  onHeaders(streamId: number, bytes: Uint8Array, start: number, end: number, isEnd: boolean): void {
    const fields: Record<string, string> = {};
    this.decoder.decode(bytes, start, end, { onField: (_kind, name, value) => (fields[name] = value) });
    this.streams.set(streamId, { id: streamId, fields, body: Buffer.alloc(0), isEnded: isEnd });
    this.frames.push(`HEADERS ${streamId} ${fields[":path"] ?? ""}`);
  }
  onReset(streamId: number, code: number): void {
    this.frames.push(`RST_STREAM ${streamId} ${code}`);
  }
  onSetting(id: number, value: number): void {
    this.frames.push(`SETTING ${id} ${value}`);
  }
  onSettingsEnd(): void {
    this.frames.push("SETTINGS");
  }
  onPing(isAck: boolean, bytes: Uint8Array, at: number): void {
    this.frames.push(`PING${isAck ? " ack" : ""} ${Buffer.from(bytes.subarray(at, at + 8)).toString("latin1")}`);
  }
  onGoaway(lastStreamId: number, code: number): void {
    this.frames.push(`GOAWAY ${lastStreamId} ${code}`);
  }
  onWindowUpdate(streamId: number, increment: number): void {
    this.frames.push(`WINDOW_UPDATE ${streamId} ${increment}`);
  }
  onChunkEnd(): void {
    this.changed();
  }

  private read(chunk: Buffer): void {
    const skipped = Math.min(this.prefaceLeft, chunk.length);
    this.prefaceLeft -= skipped;
    // Our own reader takes an acknowledgement only after settings, and the client's come first: the same order.
    if (chunk.length > skipped) this.reader.read(chunk.subarray(skipped), chunk.length - skipped);
  }

  private changed(): void {
    for (const look of [...this.watchers]) look();
  }
}

export interface RawServer {
  readonly port: number;
  /** The `count`th connection. */
  peer(count?: number): Promise<RawPeer>;
  close(): Promise<void>;
}

/** `greeting` is written to every connection at once. */
export async function startRawServer(greeting: readonly Uint8Array[] = [settings()]): Promise<RawServer> {
  const peers: RawPeer[] = [];
  const server: Server = createServer((socket) => {
    peers.push(new RawPeer(socket));
    if (greeting.length > 0) socket.write(Buffer.concat(greeting));
    server.emit("peer");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    peer: async (count = 1) => {
      while (peers.length < count) await bounded(`connection ${count}`, once(server, "peer"), () => `${peers.length}`);
      return peers[count - 1]!;
    },
    close: async () => {
      for (const { socket } of peers) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

export function frame(type: number, frameFlags: number, streamId: number, payload: Uint8Array | readonly number[] = []): Buffer {
  const out = Buffer.alloc(9 + payload.length);
  out.set(payload, writeFrameHeader(out, 0, payload.length, type, frameFlags, streamId));
  return out;
}

export function uint32(...values: readonly number[]): Buffer {
  const out = Buffer.alloc(4 * values.length);
  values.forEach((value, index) => out.writeUInt32BE(value >>> 0, 4 * index));
  return out;
}

/** Pairs of identifier and value. */
export function settings(...pairs: readonly (readonly [id: number, value: number])[]): Buffer {
  return frame(
    frameTypes.settings,
    0,
    0,
    Buffer.concat(pairs.map(([id, value]) => Buffer.concat([Uint8Array.of(id >>> 8, id & 0xff), uint32(value)]))),
  );
}

export const windowUpdate = (streamId: number, increment: number): Buffer => frame(frameTypes.windowUpdate, 0, streamId, uint32(increment));
export const rstStream = (streamId: number, code: number): Buffer => frame(frameTypes.rstStream, 0, streamId, uint32(code));
export const goaway = (lastStreamId: number, code: number, words = ""): Buffer =>
  frame(frameTypes.goaway, 0, 0, Buffer.concat([uint32(lastStreamId, code), Buffer.from(words)]));
export const data = (streamId: number, payload: Uint8Array, isEnd = false): Buffer => frame(frameTypes.data, isEnd ? flags.endStream : 0, streamId, payload);

/** HEADERS that begin a reply. */
export function replyHeaders(peer: RawPeer, streamId: number, fields: Record<string, string> = {}): Buffer {
  return frame(frameTypes.headers, flags.endHeaders, streamId, peer.block({ ":status": "200", "content-type": "application/grpc", ...fields }));
}

/** HEADERS that end a reply. */
export function trailers(peer: RawPeer, streamId: number, fields: Record<string, string> = { "grpc-status": "0" }): Buffer {
  return frame(frameTypes.headers, flags.endHeaders | flags.endStream, streamId, peer.block(fields));
}

/** A gRPC message with a LintResponse in it. */
export function lintResponse(report: string, queueDepth = 0): Buffer {
  const bytes = Buffer.from(report, "latin1");
  const length = bytes.length < 128 ? [bytes.length] : [(bytes.length & 0x7f) | 0x80, ((bytes.length >>> 7) & 0x7f) | 0x80, bytes.length >>> 14];
  const message = Buffer.concat([Uint8Array.of(0x0a, ...length), bytes, queueDepth > 0 ? Uint8Array.of(0x10, queueDepth) : Buffer.alloc(0)]);
  return Buffer.concat([Uint8Array.of(0), uint32(message.length), message]);
}

/** A whole reply in three frames. */
export function reply(peer: RawPeer, streamId: number, report: string, queueDepth = 0): Buffer {
  return Buffer.concat([replyHeaders(peer, streamId), data(streamId, lintResponse(report, queueDepth)), trailers(peer, streamId)]);
}
