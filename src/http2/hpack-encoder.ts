/**
 * Fields -> header blocks (RFC 7541). Must not know which fields a request has, nor which of them are worth a
 * place in the peer's table: the caller says.
 */
import { assert } from "../base/assert.js";
import { DynamicTable, staticTable } from "./hpack-table.js";
import { huffmanBytes, huffmanEncode } from "./huffman.js";
import { protocolDefaults } from "./protocol.js";

export type FieldMode =
  /** Enters the peer's table: one byte from the next request on. */
  | "indexed"
  /** Leaves the table alone. */
  | "plain"
  /** The same, and no intermediary may index it either (section 7.1.3). */
  | "never";

export interface HpackEncoderOptions {
  /** The most of the peer's SETTINGS_HEADER_TABLE_SIZE that is used. */
  readonly tableBytesMax: number;
  /** Whether strings are Huffman-coded where that is not longer. */
  readonly huffman: boolean;
}

export const defaultHpackEncoderOptions: HpackEncoderOptions = { tableBytesMax: protocolDefaults.headerTableBytes, huffman: true };

export class HpackEncoder {
  private readonly table: DynamicTable;
  /** The smallest and the last size the peer set since the last block, or -1: both must be said (section 4.2). */
  private smallestDue = -1;
  private sizeDue = -1;

  constructor(private readonly options: HpackEncoderOptions = defaultHpackEncoderOptions) {
    this.table = new DynamicTable(options.tableBytesMax);
    this.table.resize(Math.min(options.tableBytesMax, protocolDefaults.headerTableBytes));
  }

  /** Changes whenever an index of the dynamic table may mean something else than before. */
  get revision(): number {
    return this.table.revision;
  }

  /** How many bytes of fields still enter the table without pushing others out. */
  get roomBytes(): number {
    return this.table.bytesMax - this.table.bytes;
  }

  /** Whether the next block must begin with `beginBlock`'s bytes. */
  get isSizeUpdateDue(): boolean {
    return this.sizeDue >= 0;
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. */
  setPeerTableBytes(bytes: number): void {
    const next = Math.min(bytes, this.options.tableBytesMax);
    if (next === this.table.bytesMax && this.sizeDue < 0) return;
    this.smallestDue = this.smallestDue < 0 ? next : Math.min(this.smallestDue, next);
    this.sizeDue = next;
    this.table.resize(next);
  }

  /** Writes the table size updates that are due: first thing in every block. */
  beginBlock(out: Uint8Array, at: number): number {
    if (this.sizeDue < 0) return at;
    let next = at;
    if (this.smallestDue < this.sizeDue) next = writeInteger(out, next, 0x20, 5, this.smallestDue);
    next = writeInteger(out, next, 0x20, 5, this.sizeDue);
    this.smallestDue = this.sizeDue = -1;
    return next;
  }

  /** Writes one field: an index where the tables have it, else a literal in the given mode. */
  writeField(out: Uint8Array, at: number, name: string, value: string, mode: FieldMode): number {
    const whole = mode === "never" ? 0 : this.indexOf(name, value);
    if (whole > 0) return writeInteger(out, at, 0x80, 7, whole);
    const next = this.writeName(out, at, name, mode);
    if (mode === "indexed") this.table.add(name, value, 0);
    return this.writeText(out, next, value);
  }

  /** Writes the beginning of a literal, to be followed by its value. */
  writeName(out: Uint8Array, at: number, name: string, mode: FieldMode): number {
    const index = this.indexOfName(name);
    const next = mode === "indexed" ? writeInteger(out, at, 0x40, 6, index) : writeInteger(out, at, mode === "never" ? 0x10 : 0, 4, index);
    return index === 0 ? this.writeText(out, next, name) : next;
  }

  private writeText(out: Uint8Array, at: number, text: string): number {
    const octets = Buffer.from(text, "latin1");
    const coded = this.options.huffman ? huffmanBytes(octets, 0, octets.length) : octets.length;
    // At equal length too, as in RFC 7541's examples.
    const isHuffman = this.options.huffman && coded > 0 && coded <= octets.length;
    const next = writeInteger(out, at, isHuffman ? 0x80 : 0, 7, isHuffman ? coded : octets.length);
    assert(next + coded <= out.length, "the caller makes room for the block");
    if (isHuffman) return huffmanEncode(octets, 0, octets.length, out, next);
    out.set(octets, next);
    return next + octets.length;
  }

  private indexOf(name: string, value: string): number {
    const fixed = staticTable.findIndex((entry) => entry[0] === name && entry[1] === value);
    if (fixed >= 0) return fixed + 1;
    for (let index = 0; index < this.table.count; index++) {
      if (this.table.name(index) === name && this.table.value(index) === value) return staticTable.length + 1 + index;
    }
    return 0;
  }

  private indexOfName(name: string): number {
    const fixed = staticTable.findIndex((entry) => entry[0] === name);
    if (fixed >= 0) return fixed + 1;
    for (let index = 0; index < this.table.count; index++) {
      if (this.table.name(index) === name) return staticTable.length + 1 + index;
    }
    return 0;
  }
}

/** Section 5.1. `pattern` holds the bits above the prefix. */
export function writeInteger(out: Uint8Array, at: number, pattern: number, prefixBits: number, value: number): number {
  const mask = (1 << prefixBits) - 1;
  if (value < mask) {
    out[at] = pattern | value;
    return at + 1;
  }
  out[at] = pattern | mask;
  let rest = value - mask;
  let next = at + 1;
  while (rest >= 0x80) {
    out[next++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  out[next] = rest;
  return next + 1;
}
