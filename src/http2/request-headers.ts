/**
 * The header blocks of requests to one worker. The first request puts its constant fields into the peer's
 * table; from then on they are a handful of index bytes that are copied as they are. Must not know frames.
 */
import { formatTimeout, wholeTimeoutMs, writeTimeout } from "./grpc-format.js";
import { HpackEncoder, type FieldMode, type HpackEncoderOptions, defaultHpackEncoderOptions } from "./hpack-encoder.js";
import { fieldBytes } from "./hpack-table.js";

const timeoutName = "grpc-timeout";
/** The longest value `formatTimeout` gives has nine characters. */
const timeoutBytesMax = fieldBytes(timeoutName, "99999999m");
const sizeUpdatesBytesMax = 10;
const traceName = "traceparent";
/** Of W3C Trace Context, version 00. What is longer is none, and stays in the message. */
const traceCharsMax = 55;

/** What was last encoded, and holds while the peer's table stays as it is. */
interface Encoded {
  readonly revision: number;
  readonly constants: Buffer;
  /** The timeout field whole, for `wholeMs`; and as name only, to be followed by any value. */
  readonly timeout: Buffer;
  readonly wholeMs: number;
  readonly timeoutNameOnly: Buffer;
}

export class RequestHeaders {
  /** The most bytes that `writeCall` and `writeOnce` take. */
  readonly blockBytesMax: number;
  /** What the peer's SETTINGS_MAX_HEADER_LIST_SIZE must allow. */
  readonly listBytes: number;
  private readonly encoder: HpackEncoder;
  private encoded: Encoded | undefined;

  /** `path` is that of the method that is called all the time; `authority` is HOST:PORT. */
  constructor(
    private readonly path: string,
    private readonly authority: string,
    options: HpackEncoderOptions = defaultHpackEncoderOptions,
  ) {
    this.encoder = new HpackEncoder(options);
    // Room for the paths of the other methods too, whose names are no longer than this.
    const fields = this.fields(path.padEnd(64, "/"));
    this.listBytes = fields.reduce((sum, [name, value]) => sum + fieldBytes(name, value), timeoutBytesMax + fieldBytes(traceName, "0".repeat(traceCharsMax)));
    this.blockBytesMax = this.listBytes + sizeUpdatesBytesMax;
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. */
  setPeerTableBytes(bytes: number): void {
    this.encoder.setPeerTableBytes(bytes);
  }

  /**
   * The block of a call of `path`. Allocates nothing once the peer's table has settled. `traceparent` is in the message, too, and here where
   * the libraries that trace calls look for it; "" for none.
   */
  writeCall(out: Buffer, at: number, timeoutMs: number, traceparent = ""): number {
    const end = this.writeUntraced(out, at, timeoutMs);
    if (traceparent === "" || traceparent.length > traceCharsMax) return end;
    return this.encoder.writeField(out, end, traceName, traceparent, "plain");
  }

  /** The block of a call of another method, which leaves the table alone. Without a timeout when that is 0. */
  writeOnce(out: Buffer, at: number, path: string, timeoutMs: number): number {
    let next = this.encoder.beginBlock(out, at);
    for (const [name, value] of this.fields(path)) next = this.encoder.writeField(out, next, name, value, "plain");
    return timeoutMs > 0 ? this.encoder.writeField(out, next, timeoutName, formatTimeout(wholeTimeoutMs(timeoutMs)), "plain") : next;
  }

  private writeUntraced(out: Buffer, at: number, timeoutMs: number): number {
    const wholeMs = wholeTimeoutMs(timeoutMs);
    const start = this.encoder.isSizeUpdateDue ? this.encoder.beginBlock(out, at) : at;
    const encoded = this.encoded;
    if (encoded === undefined || encoded.revision !== this.encoder.revision) return this.writeAnew(out, start, wholeMs);
    const next = copy(encoded.constants, out, start);
    if (wholeMs === encoded.wholeMs) return copy(encoded.timeout, out, next);
    return writeTimeoutText(out, copy(encoded.timeoutNameOnly, out, next), wholeMs);
  }

  private fields(path: string): readonly (readonly [string, string])[] {
    return [
      [":method", "POST"],
      [":scheme", "http"],
      [":path", path],
      [":authority", this.authority],
      ["content-type", "application/grpc"],
      ["te", "trailers"],
      ["user-agent", "grpc-lintel"],
    ];
  }

  private writeAnew(out: Buffer, at: number, wholeMs: number): number {
    const timeout = formatTimeout(wholeMs);
    const revision = this.encoder.revision;
    let middle = at;
    for (const [name, value] of this.fields(this.path)) middle = this.encoder.writeField(out, middle, name, value, this.modeOf(name, value));
    const end = this.encoder.writeField(out, middle, timeoutName, timeout, this.modeOf(timeoutName, timeout));
    // The block that fills the table is not the one to repeat; the next one, which finds it filled, is.
    if (this.encoder.revision !== revision) return end;
    const nameOnly = Buffer.alloc(timeoutBytesMax);
    this.encoded = {
      revision,
      constants: Buffer.from(out.subarray(at, middle)),
      timeout: Buffer.from(out.subarray(middle, end)),
      wholeMs,
      timeoutNameOnly: nameOnly.subarray(0, this.encoder.writeName(nameOnly, 0, timeoutName, "plain")),
    };
    return end;
  }

  /** Fields enter the table while there is room: pushing one out for another would only go round in circles. */
  private modeOf(name: string, value: string): FieldMode {
    return fieldBytes(name, value) <= this.encoder.roomBytes ? "indexed" : "plain";
  }
}

/** Byte by byte: blocks of six bytes or so, for which a call into the runtime costs more. */
function copy(from: Buffer, out: Buffer, at: number): number {
  for (let index = 0; index < from.length; index++) out[at + index] = from[index] ?? 0;
  return at + from.length;
}

/** A string literal without Huffman coding, which saves nothing on digits. */
function writeTimeoutText(out: Buffer, at: number, wholeMs: number): number {
  const end = writeTimeout(out, at + 1, wholeMs);
  out[at] = end - at - 1;
  return end;
}
