/**
 * What a call costs the shard: CPU of this process per call, own HTTP/2 client against @grpc/grpc-js's, both
 * to one small server in a process of its own. Run: node dist/bench/micro/http2-connection.js [seconds]
 *
 * Closed loop: each of N callers sends its next call when it has its reply; 1 KB of source, 300 B of report.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { FrameReader, type FrameSink } from "../../src/http2/frame-reader.js";
import { writeFrameHeader, writePing, writeSettings, writeSettingsAck, writeWindowUpdate } from "../../src/http2/frame-writer.js";
import { HpackDecoder } from "../../src/http2/hpack-decoder.js";
import { HpackEncoder } from "../../src/http2/hpack-encoder.js";
import { clientPreface, flags, frameTypes } from "../../src/http2/protocol.js";
import { openGrpcConnection } from "./grpc-js-connection.js";
import { createHttp2Connector } from "../../src/upstream/http2-connector.js";
import type { Connection, LintCall, OpenConnection } from "../../src/upstream/connection.js";
import type { FlushPolicy } from "../../src/upstream/turn-flusher.js";

const reportBytes = 300;
const call: LintCall = { source: Buffer.alloc(1_024, "x"), filename: "x.py", optionsJson: "", traceparent: "" };
const largeCall: LintCall = { ...call, source: Buffer.alloc(100 * 1_024, "x") };

interface Candidate {
  readonly name: string;
  readonly open: OpenConnection;
  /** Writes so far, where the client counts them. */
  readonly writes?: () => number;
}

function own(flushPolicy: FlushPolicy): Candidate {
  const connector = createHttp2Connector({ flushPolicy });
  return { name: `own, flush ${flushPolicy}`, open: connector.open, writes: () => connector.flusher.writes };
}

interface Job {
  readonly name: string;
  readonly callers: number;
  readonly connections: number;
  readonly call: LintCall;
}

const jobs: readonly Job[] = [
  { name: "1 caller, 1 worker", callers: 1, connections: 1, call },
  { name: "8 callers, 1 worker", callers: 8, connections: 1, call },
  { name: "64 callers, 1 worker", callers: 64, connections: 1, call },
  { name: "64 callers, 32 workers", callers: 64, connections: 32, call },
  { name: "64 callers, 1 worker, 100 KB", callers: 64, connections: 1, call: largeCall },
];

async function compare(seconds: number): Promise<void> {
  const server = fork(fileURLToPath(import.meta.url), ["server"], { execArgv: [] });
  const [port] = (await once(server, "message")) as [number];
  for (const job of jobs) {
    for (const candidate of [own("turn"), own("alone-at-once"), { name: "@grpc/grpc-js", open: openGrpcConnection }]) {
      await measure(job, candidate, port, seconds);
    }
  }
  await stop(server);
}

async function stop(server: ChildProcess): Promise<void> {
  server.kill();
  await once(server, "exit");
}

async function measure(job: Job, candidate: Candidate, port: number, seconds: number): Promise<void> {
  const connections = await Promise.all(Array.from({ length: job.connections }, () => connect(candidate, port)));
  const load = new Load(connections, job);
  load.start();
  await load.after((seconds * 1_000) / 4); // the compiler's share
  const [cpu, calls, writes, startMs] = [process.cpuUsage(), load.calls, candidate.writes?.() ?? 0, performance.now()];
  await load.after(seconds * 1_000);
  const used = process.cpuUsage(cpu);
  const done = load.calls - calls;
  const perSecond = done / ((performance.now() - startMs) / 1_000);
  const batch = candidate.writes === undefined ? "" : `, ${(done / (candidate.writes() - writes)).toFixed(1)} calls a write`;
  process.stdout.write(
    `${job.name.padEnd(30)} ${candidate.name.padEnd(26)} ${((used.user + used.system) / done).toFixed(1).padStart(7)} µs CPU a call, ${perSecond.toFixed(0).padStart(7)} calls/s${batch}${load.failures > 0 ? `, ${load.failures} FAILED` : ""}\n`,
  );
  load.stop();
  for (const connection of connections) connection.close();
}

function connect(candidate: Candidate, port: number): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const connection = candidate.open(
      { host: "127.0.0.1", port, connectTimeoutMs: 5_000, reportBytesMax: 1_000_000 },
      { onOpen: () => resolve(connection), onDraining: () => undefined, onClosed: (reason) => reject(new Error(reason)) },
    );
  });
}

/** Callers in a closed loop, one listener object each, over the connections in turn. */
class Load {
  calls = 0;
  failures = 0;
  private isRunning = true;

  constructor(
    private readonly connections: readonly Connection[],
    private readonly job: Job,
  ) {}

  start(): void {
    for (let caller = 0; caller < this.job.callers; caller++) this.loop(this.connections[caller % this.connections.length]!);
  }

  stop(): void {
    this.isRunning = false;
  }

  after(durationMs: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, durationMs));
  }

  private loop(connection: Connection): void {
    const next = (): void => {
      if (this.isRunning) connection.lint(this.job.call, 5_000, listener);
    };
    const listener = {
      onReply: (report: Uint8Array): void => {
        this.calls++;
        if (report.length !== reportBytes) this.failures++;
        next();
      },
      onFailure: (): void => {
        if (this.isRunning) this.failures++;
      },
    };
    next();
  }
}

/** The cheapest correct server there is: answers every Lint with the same report, one write per chunk read. */
function serve(): void {
  const server = createServer((socket) => new ServerSide(socket));
  server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
}

class ServerSide implements FrameSink {
  private readonly reader = new FrameReader(this);
  private readonly decoder = new HpackDecoder({ tableBytesMax: 4_096, kindOf: (name) => (name === ":path" ? 1 : 0) });
  private readonly encoder = new HpackEncoder();
  private readonly out = Buffer.alloc(1024 * 1024);
  private used = 0;
  private prefaceLeft = clientPreface.length;
  private path = "";
  /** Streams of other methods. */
  private readonly others = new Set<number>();
  private received = 0;
  private readonly message = this.response();

  constructor(socket: Socket) {
    socket.setNoDelay(true);
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      const skipped = Math.min(this.prefaceLeft, chunk.length);
      this.prefaceLeft -= skipped;
      if (chunk.length > skipped) this.reader.read(chunk.subarray(skipped), chunk.length - skipped);
      if (this.used > 0) socket.write(Buffer.from(this.out.subarray(0, this.used)));
      this.used = 0;
    });
    this.used = writeSettings(this.out, this.used, [[3, 2_000], [4, 0x7fff_ffff]]);
    this.used = writeWindowUpdate(this.out, this.used, 0, 0x7fff_0000);
    socket.write(Buffer.from(this.out.subarray(0, this.used)));
    this.used = 0;
  }

  onHeaders(streamId: number, bytes: Uint8Array, start: number, end: number): void {
    this.decoder.decode(bytes, start, end, { onField: (kind, _name, value) => (this.path = kind === 1 ? value : this.path) });
    if (this.path === "/lintel.v1.Linter/Lint") return;
    this.others.add(streamId);
    this.headers(streamId, true, [[":status", "200"], ["content-type", "application/grpc"], ["grpc-status", "12"]]);
  }

  onData(streamId: number, _bytes: Uint8Array, _start: number, _end: number, flowBytes: number, isEnd: boolean): void {
    this.received += flowBytes;
    if (this.received > 2 ** 24) {
      this.used = writeWindowUpdate(this.out, this.used, 0, this.received);
      this.received = 0;
    }
    if (!isEnd || this.others.has(streamId)) return;
    this.headers(streamId, false, [[":status", "200"], ["content-type", "application/grpc"]]);
    this.used = writeFrameHeader(this.out, this.used, this.message.length, frameTypes.data, 0, streamId);
    this.out.set(this.message, this.used);
    this.used += this.message.length;
    this.headers(streamId, true, [["grpc-status", "0"]]);
  }

  onSettingsEnd(): void {
    this.used = writeSettingsAck(this.out, this.used);
  }

  onPing(isAck: boolean, bytes: Uint8Array, at: number): void {
    if (!isAck) this.used = writePing(this.out, this.used, true, bytes, at);
  }

  onReset(): void {}
  onSetting(): void {}
  onGoaway(): void {}
  onWindowUpdate(): void {}
  onChunkEnd(): void {}

  private headers(streamId: number, isEnd: boolean, fields: readonly (readonly [string, string])[]): void {
    const start = this.used;
    let at = start + 9;
    for (const [name, value] of fields) at = this.encoder.writeField(this.out, at, name, value, "indexed");
    writeFrameHeader(this.out, start, at - start - 9, frameTypes.headers, flags.endHeaders | (isEnd ? flags.endStream : 0), streamId);
    this.used = at;
  }

  private response(): Buffer {
    const head = [0x0a, (reportBytes & 0x7f) | 0x80, reportBytes >>> 7];
    const message = Buffer.concat([Uint8Array.from(head), Buffer.alloc(reportBytes, "r"), Uint8Array.of(0x10, 2)]);
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(message.length, 1);
    return Buffer.concat([prefix, message]);
  }
}

if (process.argv[2] === "server") serve();
else await compare(Number(process.argv[2] ?? 2));
