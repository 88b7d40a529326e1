/**
 * Who is behind the connections that came with a PROXY header, in memory that all shards see. The door in front of the shards
 * (balancer/proxy-door/) takes a place for each such connection and comes to a shard from the loopback address that belongs to
 * the place: all that a shard learns of a connection is the address at its other end. Pure: takes the memory as an argument. Must
 * not know how connections come.
 *
 * Only the door writes. A place is written before its connection is made and stays as it is until both ends of that have gone.
 */

/** Connections through the door at once; each takes two file descriptors. The memory is 320 KiB. */
export const proxiedClientsMax = 16_384;
/** Kind of address (0 for a free place), and up to sixteen bytes of it. */
const wordsPerPlace = 5;
const headWords = 1;

export class ProxiedClients {
  private readonly words: Int32Array;
  private readonly places: number;
  private readonly prefix: string;
  private last = 0;

  /** `memory` from `allocate`. */
  constructor(memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory);
    this.places = (this.words.length - headWords) / wordsPerPlace;
    this.prefix = `127.${this.words[0]}.`;
  }

  /** `network` is the second byte of its loopback addresses, random from 64 to 255: a balancer that replaces another has others. */
  static allocate(network: number, places = proxiedClientsMax): SharedArrayBuffer {
    const memory = new SharedArrayBuffer((headWords + places * wordsPerPlace) * Int32Array.BYTES_PER_ELEMENT);
    new Int32Array(memory)[0] = network;
    return memory;
  }

  /** The loopback address to come from on behalf of `client`, 4 or 16 bytes; undefined when every place is taken. */
  take(client: Uint8Array): string | undefined {
    for (let step = 1; step <= this.places; step++) {
      // Onwards from the last one, so that an address rests for as long as it can before somebody else has it.
      const place = (this.last + step) % this.places;
      const at = headWords + place * wordsPerPlace;
      if (this.words[at] !== 0) continue;
      const view = new DataView(client.buffer, client.byteOffset, client.byteLength);
      for (let word = 0; word < client.length / 4; word++) this.words[at + 1 + word] = view.getInt32(word * 4);
      Atomics.store(this.words, at, client.length);
      this.last = place;
      return `${this.prefix}${place >> 8}.${place & 255}`;
    }
    return undefined;
  }

  /** `address` as `take` gave it. */
  release(address: string): void {
    const place = this.placeOf(address);
    if (place !== undefined) Atomics.store(this.words, headWords + place * wordsPerPlace, 0);
  }

  releaseAll(): void {
    for (let place = 0; place < this.places; place++) Atomics.store(this.words, headWords + place * wordsPerPlace, 0);
  }

  /** The client that comes from this address, IPv4 as four numbers or IPv6 as eight groups; undefined when the address is nobody's place. */
  clientAt(address: string): string | undefined {
    const place = this.placeOf(address);
    if (place === undefined) return undefined;
    const at = headWords + place * wordsPerPlace;
    const length = Atomics.load(this.words, at);
    if (length === 4) return bytesOf(this.words[at + 1] ?? 0).join(".");
    if (length !== 16) return undefined;
    return Array.from({ length: 8 }, (_none, group) => (((this.words[at + 1 + (group >> 1)] ?? 0) >>> (group % 2 === 0 ? 16 : 0)) & 0xffff).toString(16)).join(":");
  }

  private placeOf(address: string): number | undefined {
    if (!address.startsWith(this.prefix)) return undefined;
    const [high = NaN, low = NaN] = address.slice(this.prefix.length).split(".").map(Number);
    const place = high * 256 + low;
    return place < this.places ? place : undefined;
  }
}

function bytesOf(word: number): number[] {
  return [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255];
}
