/**
 * HPACK's tables (RFC 7541 sections 2.3 and 4, appendix A): the static one, and the dynamic one that both ends
 * of a connection keep alike. Must not know how fields are written.
 */

/** Appendix A: index 1 is the first. */
export const staticTable: readonly (readonly [name: string, value: string])[] = [
  [":authority", ""],
  [":method", "GET"],
  [":method", "POST"],
  [":path", "/"],
  [":path", "/index.html"],
  [":scheme", "http"],
  [":scheme", "https"],
  [":status", "200"],
  [":status", "204"],
  [":status", "206"],
  [":status", "304"],
  [":status", "400"],
  [":status", "404"],
  [":status", "500"],
  ["accept-charset", ""],
  ["accept-encoding", "gzip, deflate"],
  ["accept-language", ""],
  ["accept-ranges", ""],
  ["accept", ""],
  ["access-control-allow-origin", ""],
  ["age", ""],
  ["allow", ""],
  ["authorization", ""],
  ["cache-control", ""],
  ["content-disposition", ""],
  ["content-encoding", ""],
  ["content-language", ""],
  ["content-length", ""],
  ["content-location", ""],
  ["content-range", ""],
  ["content-type", ""],
  ["cookie", ""],
  ["date", ""],
  ["etag", ""],
  ["expect", ""],
  ["expires", ""],
  ["from", ""],
  ["host", ""],
  ["if-match", ""],
  ["if-modified-since", ""],
  ["if-none-match", ""],
  ["if-range", ""],
  ["if-unmodified-since", ""],
  ["last-modified", ""],
  ["link", ""],
  ["location", ""],
  ["max-forwards", ""],
  ["proxy-authenticate", ""],
  ["proxy-authorization", ""],
  ["range", ""],
  ["referer", ""],
  ["refresh", ""],
  ["retry-after", ""],
  ["server", ""],
  ["set-cookie", ""],
  ["strict-transport-security", ""],
  ["transfer-encoding", ""],
  ["user-agent", ""],
  ["vary", ""],
  ["via", ""],
  ["www-authenticate", ""],
];

/** What an entry counts beyond its name and value (section 4.1). */
export const entryOverheadBytes = 32;

/** A field's size as HPACK and SETTINGS_MAX_HEADER_LIST_SIZE count it. Names and values are octets as latin1. */
export function fieldBytes(name: string, value: string): number {
  return name.length + value.length + entryOverheadBytes;
}

/** The dynamic table. Indices here count from 0, the newest. Parallel arrays in a ring: adding allocates nothing. */
export class DynamicTable {
  /** The sum of the entries' sizes. */
  bytes = 0;
  /** Grows with every change: what was derived from the table holds while it stays. */
  revision = 0;
  count = 0;
  private readonly names: string[];
  private readonly values: string[];
  private readonly kinds: Uint8Array;
  /** Where the newest entry is. */
  private newest = 0;

  /** `limitBytes` is the most that `bytesMax` is ever set to, and its first value. */
  constructor(limitBytes: number) {
    const slots = Math.max(1, Math.floor(limitBytes / entryOverheadBytes));
    this.names = new Array<string>(slots).fill("");
    this.values = new Array<string>(slots).fill("");
    this.kinds = new Uint8Array(slots);
    this.bytesMax = limitBytes;
  }

  bytesMax: number;

  name(index: number): string {
    return this.names[this.slot(index)] ?? "";
  }

  value(index: number): string {
    return this.values[this.slot(index)] ?? "";
  }

  /** What `add` was told the name is. */
  kind(index: number): number {
    return this.kinds[this.slot(index)] ?? 0;
  }

  /** Evicts what must go, then adds. An entry larger than the table empties it and is not added (section 4.4). */
  add(name: string, value: string, kind: number): void {
    const size = fieldBytes(name, value);
    this.revision++;
    this.evictTo(this.bytesMax - size);
    if (size > this.bytesMax) return;
    this.newest = (this.newest + 1) % this.names.length;
    this.names[this.newest] = name;
    this.values[this.newest] = value;
    this.kinds[this.newest] = kind;
    this.count++;
    this.bytes += size;
  }

  resize(bytesMax: number): void {
    if (bytesMax !== this.bytesMax) this.revision++;
    this.bytesMax = bytesMax;
    this.evictTo(bytesMax);
  }

  private evictTo(bytes: number): void {
    while (this.count > 0 && this.bytes > bytes) {
      const oldest = this.slot(this.count - 1);
      this.bytes -= fieldBytes(this.names[oldest] ?? "", this.values[oldest] ?? "");
      this.names[oldest] = "";
      this.values[oldest] = "";
      this.count--;
      this.revision++;
    }
  }

  private slot(index: number): number {
    const slot = this.newest - index;
    return slot >= 0 ? slot : slot + this.names.length;
  }
}
