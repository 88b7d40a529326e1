/** A worker that says rightly who it is, and answers every other request wrongly, in any of the ways there are, from a seed. */
import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import * as loader from "@grpc/proto-loader";
import { randomBelow, seededRandom, type Random } from "../../src/base/random.js";
import { frameTypes } from "../../src/http2/protocol.js";
import { data, frame, goaway, RawPeer, replyHeaders, rstStream, settings, trailers, uint32, windowUpdate, type PeerStream } from "../upstream/raw-peer.js";
import { sampleReport } from "../support/sample-reports.js";
import { mutatedBytes, mutatedValue, nestedJson, pick, randomBytes } from "./mutations.js";

const definitions = loader.loadSync("lintel/v1/linter.proto", { includeDirs: [fileURLToPath(new URL("../../../proto", import.meta.url))], defaults: true });
const service = definitions["lintel.v1.Linter"] as loader.ServiceDefinition;

export interface RogueWorker {
  readonly address: string;
  /** From now on it is an honest one. */
  repent(): void;
  stop(): Promise<void>;
}

/** Larger reports are a broken contract in these tests. */
export const reportBytesMax = 64 * 1024;

export async function startRogueWorker(seed: number, identity: { readonly language: string; readonly version: string }): Promise<RogueWorker> {
  const random = seededRandom(seed);
  const mood = { isHonest: false };
  const description = service["Describe"]!.responseSerialize({ ...identity, linterName: "rogue", linterVersion: "1", formats: ["lintel.report.v1"] });
  const sockets = new Set<RawPeer>();
  const server = createServer((socket) => {
    const peer = new RoguePeer(socket, random, description, mood);
    sockets.add(peer);
    socket.on("close", () => sockets.delete(peer));
    peer.write(settings());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    repent: () => (mood.isHonest = true),
    stop: async () => {
      server.close();
      for (const { socket } of sockets) socket.destroy();
      await once(server, "close");
    },
  };
}

class RoguePeer extends RawPeer {
  private readonly answered = new Set<number>();
  private hasGreeted = false;

  constructor(
    socket: RawPeer["socket"],
    private readonly random: Random,
    private readonly description: Buffer,
    private readonly mood: { readonly isHonest: boolean },
  ) {
    super(socket);
  }

  override onSettingsEnd(): void {
    super.onSettingsEnd();
    if (this.hasGreeted) return;
    this.hasGreeted = true;
    this.write(frame(frameTypes.settings, 1, 0));
  }

  override onChunkEnd(): void {
    super.onChunkEnd();
    for (const stream of this.streams.values()) {
      if (!stream.isEnded || this.answered.has(stream.id)) continue;
      this.answered.add(stream.id);
      // Windows are given back as soon as they are used.
      this.write(windowUpdate(0, Math.max(1, stream.body.length)));
      this.answer(stream);
    }
  }

  private answer({ id, fields }: PeerStream): void {
    const path = fields[":path"] ?? "";
    if (path.endsWith("/Watch")) this.write(trailers(this, id, { ":status": "200", "content-type": "application/grpc", "grpc-status": "12" }));
    else if (path.endsWith("/Describe")) this.write(...this.wholeReply(id, this.description));
    else if (this.mood.isHonest) this.write(...this.wholeReply(id, response(report())));
    else this.misbehave(id);
  }

  private misbehave(id: number): void {
    const { random } = this;
    const kind = random.next();
    if (kind < 0.55) this.write(...this.wholeReply(id, response(oddReport(random))));
    else if (kind < 0.65) this.write(...this.wholeReply(id, oddMessage(random)));
    else if (kind < 0.75) this.write(replyHeaders(this, id), data(id, oddFraming(random)), trailers(this, id));
    else if (kind < 0.84) this.write(replyHeaders(this, id, oddFields(random)), data(id, framed(response(report()))), trailers(this, id));
    else if (kind < 0.93) this.write(replyHeaders(this, id), data(id, framed(response(report()))), trailers(this, id, oddTrailers(random)));
    else if (kind < 0.96) this.write(mutatedBytes(random, Buffer.concat(this.wholeReply(id, response(report())))));
    else this.end(id);
  }

  /** It ends without an answer, or does not end at all. */
  private end(id: number): void {
    const { random } = this;
    switch (randomBelow(random, 6)) {
      case 0:
        return;
      case 1:
        this.write(rstStream(id, randomBelow(random, 16)));
        return;
      case 2:
        this.write(goaway(pick(random, [0, id, 2 ** 31 - 1]), randomBelow(random, 16), "\r\nbye"));
        return;
      case 3:
        this.write(replyHeaders(this, id), data(id, framed(response(report())).subarray(0, 20)));
        this.socket.destroy();
        return;
      case 4:
        this.write(frame(randomBelow(random, 256), randomBelow(random, 256), pick(random, [0, id, id + 2, id + 1]), randomBytes(random, 40)));
        return;
      default:
        this.write(randomBytes(random, 200));
    }
  }

  private wholeReply(id: number, message: Buffer): Buffer[] {
    const bytes = framed(message);
    const frames: Buffer[] = [replyHeaders(this, id)];
    for (let at = 0; at < bytes.length; at += 16_384) frames.push(data(id, bytes.subarray(at, at + 16_384)));
    return [...frames, trailers(this, id)];
  }
}

/** gRPC's five bytes before a message. */
function framed(message: Buffer): Buffer {
  return Buffer.concat([Uint8Array.of(0), uint32(message.length), message]);
}

function response(reportBytes: Buffer, queueDepth = 0): Buffer {
  return service["Lint"]!.responseSerialize({ report: reportBytes, queueDepth });
}

function report(): Buffer {
  return Buffer.from(JSON.stringify(sampleReport("sum.ts")));
}

/** Bytes that are no report, or one that no linter would make. */
function oddReport(random: Random): Buffer {
  const good = sampleReport(pick(random, ["greet.py", "sum.ts", "broken.json"]));
  switch (randomBelow(random, 6)) {
    case 0:
      return mutatedBytes(random, Buffer.from(JSON.stringify(good)));
    case 1:
      return randomBytes(random, 300);
    case 2:
      return Buffer.from(nestedJson(random));
    case 3:
      return Buffer.alloc(reportBytesMax + randomBelow(random, reportBytesMax), 0x20);
    default: {
      let value: unknown = good;
      for (let edits = 1 + randomBelow(random, 3); edits > 0; edits--) value = mutatedValue(random, value);
      return Buffer.from(JSON.stringify(value));
    }
  }
}

function oddMessage(random: Random): Buffer {
  return pick(random, [
    () => mutatedBytes(random, response(report())),
    () => randomBytes(random, 100),
    () => Buffer.concat([response(report()), response(report())]),
    () => Buffer.alloc(0),
    // A length of 2^64 - 1, and a group that never ends.
    () => Buffer.concat([Uint8Array.of(0x0a), Buffer.alloc(9, 0xff), Uint8Array.of(1)]),
    () => Buffer.alloc(50, 0x0b),
    () => response(report(), 2 ** 32 - 1),
  ])();
}

function oddFraming(random: Random): Buffer {
  const good = framed(response(report()));
  return pick(random, [
    () => Buffer.concat([Uint8Array.of(1), good.subarray(1)]),
    () => good.subarray(0, randomBelow(random, good.length)),
    () => Buffer.concat([good, good]),
    () => Buffer.concat([good, randomBytes(random, 10)]),
    () => Buffer.concat([Uint8Array.of(0), uint32(2 ** 32 - 1), good.subarray(5)]),
    () => Buffer.concat([Uint8Array.of(0), uint32(reportBytesMax + 1_000)]),
  ])();
}

const oddTexts = ["", " ", "0", "-1", "1.5", "99999999999999999999", "NaN", "text/html", "application/grpc+json", "application/grpcx", "%", "%zz", "%00%0d%0aX: y", "a,b", "x".repeat(9_000), "\t", "é"];

function oddFields(random: Random): Record<string, string> {
  const name = pick(random, ["content-type", ":status", "grpc-encoding", "grpc-status", "lintel-queue-depth", "x-any", ":path"]);
  return { [name]: pick(random, oddTexts), ...(random.next() < 0.2 && { "x-large": "y".repeat(20_000) }) };
}

function oddTrailers(random: Random): Record<string, string> {
  const status = pick(random, ["0", "0", "1", "3", "4", "8", "10", "13", "14", "16", "17", "-1", "", "99999999999", "abc"]);
  const fields = { "grpc-status": status, "grpc-message": pick(random, oddTexts), "lintel-queue-depth": pick(random, oddTexts) };
  const left = pick(random, ["", "grpc-status", "grpc-message", "lintel-queue-depth"]);
  return Object.fromEntries(Object.entries(fields).filter(([name]) => name !== left));
}
