/** Replies of a worker as bytes made once, whose frames wait for their stream's id. Must not know sockets. */
import { writeFrameHeader } from "../../src/http2/frame-writer.js";
import { HpackEncoder } from "../../src/http2/hpack-encoder.js";
import { flags, frameTypes } from "../../src/http2/protocol.js";

type Fields = readonly (readonly [name: string, value: string])[];

const grpcHead: Fields = [[":status", "200"], ["content-type", "application/grpc"]];
const grpcEnd: Fields = [["grpc-status", "0"]];
const notImplemented: Fields = [[":status", "200"], ["content-type", "application/grpc"], ["grpc-status", "12"]];

export interface Template {
  readonly bytes: Buffer;
  readonly idsAt: readonly number[];
}

export class ReplyMaker {
  private readonly encoder = new HpackEncoder();
  private readonly scratch = Buffer.alloc(64 * 1024);

  /** Fields enter the peer's table, so a template holds only from its place in the connection on. */
  grpc(message: Buffer): Template {
    return this.join([this.headers(grpcHead, "indexed", false), this.data(message, false), this.headers(grpcEnd, "indexed", true)]);
  }

  refusal(): Template {
    return this.join([this.headers(notImplemented, "plain", true)]);
  }

  plain(report: Buffer): Template {
    const fields: Fields = [[":status", "200"], ["content-type", "application/json"], ["content-length", String(report.length)]];
    return this.join([this.headers(fields, "plain", false), this.data(report, true)]);
  }

  private headers(fields: Fields, mode: "indexed" | "plain", isEnd: boolean): Buffer {
    let at = 9;
    for (const [name, value] of fields) at = this.encoder.writeField(this.scratch, at, name, value, mode);
    writeFrameHeader(this.scratch, 0, at - 9, frameTypes.headers, flags.endHeaders | (isEnd ? flags.endStream : 0), 0);
    return Buffer.from(this.scratch.subarray(0, at));
  }

  private data(content: Buffer, isEnd: boolean): Buffer {
    const frame = Buffer.alloc(9 + content.length);
    writeFrameHeader(frame, 0, content.length, frameTypes.data, isEnd ? flags.endStream : 0, 0);
    content.copy(frame, 9);
    return frame;
  }

  private join(frames: readonly Buffer[]): Template {
    const idsAt: number[] = [];
    let at = 0;
    for (const frame of frames) {
      idsAt.push(at + 5);
      at += frame.length;
    }
    return { bytes: Buffer.concat(frames), idsAt };
  }
}

/** A gRPC message made of protocol buffer fields. */
export function messageOf(fields: readonly (readonly [field: number, value: string | number | Buffer])[]): Buffer {
  const parts = fields.map(([field, value]) => {
    if (typeof value === "number") return Buffer.from([field << 3, value]);
    const content = typeof value === "string" ? Buffer.from(value) : value;
    return Buffer.concat([Buffer.from([(field << 3) | 2]), varint(content.length), content]);
  });
  const body = Buffer.concat(parts);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(body.length, 1);
  return Buffer.concat([prefix, body]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}
