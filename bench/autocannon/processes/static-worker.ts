/**
 * A process of its own: workers that answer every Lint with the same report, as cheaply as Node can, so that
 * the balancer and not the worker is the limit. One process serves many addresses. Asked for /v1/… in plain
 * HTTP/2, as HAProxy does, it answers the report without gRPC around it.
 *
 * The reply's bytes are made once; per request only the stream's id is written into them. All replies to one
 * chunk leave in one write.
 */
import { createServer, type AddressInfo, type Socket } from "node:net";
import { FrameReader, type FrameSink } from "../../../src/http2/frame-reader.js";
import { writePing, writeSettings, writeSettingsAck, writeUint32, writeWindowUpdate } from "../../../src/http2/frame-writer.js";
import { HpackDecoder } from "../../../src/http2/hpack-decoder.js";
import { clientPreface, int31Max, settingIds } from "../../../src/http2/protocol.js";
import { sampleReport } from "../sample-report.js";
import { messageOf, ReplyMaker, type Template } from "../reply-templates.js";
import { endWithParent, processOptions, tellReady } from "./child-side.js";

export interface StaticWorkerOptions {
  readonly language: string;
  /** One worker each. */
  readonly versions: readonly string[];
  readonly reportBytes: number;
}

const lintPath = "/lintel.v1.Linter/Lint";
const describePath = "/lintel.v1.Linter/Describe";
/** What it states: about what a reply takes of this process. */
const costMicros = 10;
const outBytes = 256 * 1024;
/** Give the connection's window back in steps of this size. */
const windowStep = 2 ** 24;

class WorkerSide implements FrameSink {
  private readonly reader = new FrameReader(this);
  private readonly decoder = new HpackDecoder({ tableBytesMax: 4_096, kindOf: (name) => (name === ":path" ? 1 : 0) });
  private out = Buffer.allocUnsafeSlow(outBytes);
  private used = 0;
  private prefaceLeft = clientPreface.length;
  private path = "";
  private isPlain = false;
  /** Streams of other methods than Lint, and their replies. */
  private readonly others = new Map<number, Template>();
  private received = 0;
  private readonly describe: Template;
  private readonly refusal: Template;
  private readonly plain: Template;
  private lint: Template;
  /** The first reply puts its fields into the peer's table, the others point there. */
  private readonly laterLint: Template;
  private isDescribed = false;

  constructor(
    private readonly socket: Socket,
    version: string,
    { language, reportBytes }: StaticWorkerOptions,
  ) {
    const report = sampleReport(reportBytes);
    const maker = new ReplyMaker();
    this.refusal = maker.refusal();
    this.plain = maker.plain(report);
    this.describe = maker.grpc(messageOf([[1, language], [2, version], [3, "static"], [4, "1"]]));
    const message = messageOf([[1, report], [2, 1], [3, costMicros]]);
    this.laterLint = maker.grpc(message);
    this.lint = new ReplyMaker().grpc(message);
    socket.setNoDelay(true);
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => this.onChunk(chunk));
    this.used = writeSettings(this.out, this.used, [[settingIds.concurrentStreamsMax, 2_000], [settingIds.initialWindowBytes, int31Max]]);
    this.used = writeWindowUpdate(this.out, this.used, 0, int31Max - 65_535);
    this.flush();
  }

  onHeaders(streamId: number, bytes: Uint8Array, start: number, end: number, isEnd: boolean): void {
    this.decoder.decode(bytes, start, end, { onField: (kind, _name, value) => (this.path = kind === 1 ? value : this.path) });
    if (this.path === lintPath) return;
    if (this.path === describePath) this.others.set(streamId, this.describe);
    else if (!this.path.startsWith("/v1/")) this.reply(streamId, this.refusal);
    else this.isPlain = true;
    if (isEnd) this.answer(streamId);
  }

  onData(streamId: number, _bytes: Uint8Array, _start: number, _end: number, flowBytes: number, isEnd: boolean): void {
    this.received += flowBytes;
    if (this.received > windowStep) {
      this.used = writeWindowUpdate(this.out, this.room(13), 0, this.received);
      this.received = 0;
    }
    if (isEnd) this.answer(streamId);
  }

  onSettingsEnd(): void {
    this.used = writeSettingsAck(this.out, this.room(9));
  }

  onPing(isAck: boolean, bytes: Uint8Array, at: number): void {
    if (!isAck) this.used = writePing(this.out, this.room(17), true, bytes, at);
  }

  onReset(): void {}
  onSetting(): void {}
  onGoaway(): void {}
  onWindowUpdate(): void {}
  onChunkEnd(): void {}

  private onChunk(chunk: Buffer): void {
    const skipped = Math.min(this.prefaceLeft, chunk.length);
    this.prefaceLeft -= skipped;
    if (chunk.length > skipped) this.reader.read(skipped === 0 ? chunk : chunk.subarray(skipped), chunk.length - skipped);
    this.flush();
  }

  private answer(streamId: number): void {
    if (this.others.size > 0) {
      const other = this.others.get(streamId);
      if (other !== undefined) {
        this.others.delete(streamId);
        this.reply(streamId, other);
        this.isDescribed = true;
        return;
      }
    }
    if (this.isPlain) {
      this.reply(streamId, this.plain);
      return;
    }
    // Whoever did not ask who we are gets the fields with the first reply.
    this.reply(streamId, this.isDescribed ? this.laterLint : this.lint);
    if (!this.isDescribed) {
      this.lint = this.laterLint;
      this.isDescribed = true;
    }
  }

  private reply(streamId: number, template: Template): void {
    const at = this.room(template.bytes.length);
    template.bytes.copy(this.out, at);
    for (const idAt of template.idsAt) writeUint32(this.out, at + idAt, streamId);
    this.used = at + template.bytes.length;
  }

  private room(bytes: number): number {
    if (this.used + bytes > this.out.length) this.flush();
    return this.used;
  }

  private flush(): void {
    if (this.used === 0 || this.socket.destroyed) return;
    this.socket.write(this.out.subarray(0, this.used));
    this.used = 0;
    // The socket still reads from the buffer.
    if (this.socket.writableLength > 0) this.out = Buffer.allocUnsafeSlow(outBytes);
  }
}

async function serve(options: StaticWorkerOptions): Promise<void> {
  const ports = await Promise.all(
    options.versions.map(
      (version) =>
        new Promise<number>((resolve) => {
          const server = createServer((socket) => new WorkerSide(socket, version, options));
          server.listen(0, "127.0.0.1", 4_096, () => resolve((server.address() as AddressInfo).port));
        }),
    ),
  );
  tellReady({ ports });
}

endWithParent();
await serve(processOptions() as StaticWorkerOptions);
