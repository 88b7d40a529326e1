/**
 * Header blocks -> fields (RFC 7541). Never allocates for a field that comes as an index, which is what every
 * field of an ordinary reply is. Must not know what the fields mean.
 */
import { fieldBytes, DynamicTable, staticTable } from "./hpack-table.js";
import { huffmanDecode, huffmanDecodedBytesMax } from "./huffman.js";
import { errorCodes, Http2Error, protocolDefaults } from "./protocol.js";

export interface FieldSink {
  /** `kind` is what `kindOf` says of the name, found once when the name entered a table. Octets come as latin1. */
  onField(kind: number, name: string, value: string): void;
}

export interface HpackDecoderOptions {
  /** Our SETTINGS_HEADER_TABLE_SIZE: the most the peer may make the table. */
  readonly tableBytesMax: number;
  /** Numbers the names that the sink cares for, from 0 to 255. */
  readonly kindOf: (name: string) => number;
}

export class HpackDecoder {
  private readonly table: DynamicTable;
  private readonly staticKinds: Uint8Array;
  /** Where the next byte is read: the cursor of the block at hand. */
  private at = 0;
  private end = 0;
  private bytes: Uint8Array = new Uint8Array(0);
  private scratch = Buffer.alloc(256);

  constructor(private readonly options: HpackDecoderOptions) {
    this.table = new DynamicTable(options.tableBytesMax);
    this.table.resize(Math.min(options.tableBytesMax, protocolDefaults.headerTableBytes));
    this.staticKinds = Uint8Array.from(staticTable, ([name]) => options.kindOf(name));
  }

  /**
   * Decodes one whole block and returns the size of its header list (RFC 9113 section 6.5.2). Throws
   * `Http2Error`, after which the tables of the two ends differ and the connection is of no use.
   */
  decode(bytes: Uint8Array, start: number, end: number, sink: FieldSink): number {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
    let listBytes = 0;
    let isStart = true;
    while (this.at < this.end) {
      const first = bytes[this.at] ?? 0;
      if ((first & 0xe0) === 0x20) {
        if (!isStart) throw compressionError("a table size update in the middle of a header block");
        this.resize();
        continue;
      }
      isStart = false;
      listBytes += first >= 0x80 ? this.indexed(sink) : this.literal(first, sink);
    }
    return listBytes;
  }

  private resize(): void {
    const bytesMax = this.integer(5);
    if (bytesMax > this.options.tableBytesMax) {
      throw compressionError(`a header table of ${bytesMax} bytes, more than the ${this.options.tableBytesMax} allowed`);
    }
    this.table.resize(bytesMax);
  }

  private indexed(sink: FieldSink): number {
    const index = this.integer(7);
    const entry = this.lookUp(index);
    if (entry < 0) {
      const [name, value] = staticTable[index - 1] ?? ["", ""];
      sink.onField(this.staticKinds[index - 1] ?? 0, name, value);
      return fieldBytes(name, value);
    }
    const name = this.table.name(entry);
    const value = this.table.value(entry);
    sink.onField(this.table.kind(entry), name, value);
    return fieldBytes(name, value);
  }

  private literal(first: number, sink: FieldSink): number {
    const isAdded = (first & 0x40) !== 0;
    const index = this.integer(isAdded ? 6 : 4);
    let name: string;
    let kind: number;
    if (index === 0) {
      name = this.text();
      kind = this.options.kindOf(name);
    } else {
      const entry = this.lookUp(index);
      name = entry < 0 ? (staticTable[index - 1]?.[0] ?? "") : this.table.name(entry);
      kind = entry < 0 ? (this.staticKinds[index - 1] ?? 0) : this.table.kind(entry);
    }
    const value = this.text();
    if (isAdded) this.table.add(name, value, kind);
    sink.onField(kind, name, value);
    return fieldBytes(name, value);
  }

  /** -1 for the static table, else the position in the dynamic one. */
  private lookUp(index: number): number {
    if (index === 0) throw compressionError("a field with index 0");
    const entry = index - staticTable.length - 1;
    if (entry >= this.table.count) throw compressionError(`a field with index ${index}, where the table ends at ${staticTable.length + this.table.count}`);
    return Math.max(entry, -1);
  }

  /** Section 5.1, bounded: nothing in HPACK that is meant well needs more than 28 bits. */
  private integer(prefixBits: number): number {
    const mask = (1 << prefixBits) - 1;
    let value = this.byte() & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw compressionError("an integer of more than 28 bits");
  }

  /** Section 5.2. */
  private text(): string {
    const isHuffman = ((this.bytes[this.at] ?? 0) & 0x80) !== 0;
    const length = this.integer(7);
    const start = this.at;
    if (length > this.end - start) throw compressionError("a string that ends behind its header block");
    this.at = start + length;
    if (isHuffman) {
      const room = huffmanDecodedBytesMax(length);
      if (this.scratch.length < room) this.scratch = Buffer.alloc(2 * room);
      return this.scratch.toString("latin1", 0, huffmanDecode(this.bytes, start, this.at, this.scratch));
    }
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + start, length).toString("latin1");
  }

  private byte(): number {
    if (this.at >= this.end) throw compressionError("a field that ends behind its header block");
    return this.bytes[this.at++] ?? 0;
  }
}

function compressionError(message: string): Http2Error {
  return new Http2Error(errorCodes.compressionError, message);
}
