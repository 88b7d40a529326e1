/**
 * The Huffman code of HPACK (RFC 7541 section 5.2 and appendix B), both directions. Must not know headers.
 */
import { errorCodes, Http2Error } from "./protocol.js";

/**
 * The length in bits of every byte's code. The code is canonical: codes of one length count upwards in the
 * order of their symbols and every longer one goes on from there, so that the lengths are all there is to know.
 */
const codeBits: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, //
  28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28, //
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, // space to /
  5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, // 0 to ?
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, // @ to O
  7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, // P to _
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, // ` to o
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, // p to DEL
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, //
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, //
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, //
  21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, //
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, //
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, //
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, //
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, //
];

/** The end-of-string symbol: its first bits are the padding of the last byte; whole, it is an error. */
const eos = 256;
const eosBits = 30;

/** A move's low bits are the next state, its high half the byte that comes out when `moveEmits` is set. */
const moveState = 0x1ff;
const moveEmits = 0x200;
const moveFails = -1;

const codes = assignCodes();
const states = buildStates();

/** How many bytes the range takes when encoded. */
export function huffmanBytes(bytes: Uint8Array, start: number, end: number): number {
  let bits = 0;
  for (let at = start; at < end; at++) bits += codeBits[bytes[at] ?? 0] ?? 0;
  return (bits + 7) >>> 3;
}

/** Encodes the range into `out` at `at`, where `huffmanBytes` fit; returns the offset behind it. */
export function huffmanEncode(bytes: Uint8Array, start: number, end: number, out: Uint8Array, at: number): number {
  // Up to 7 bits wait, the longest byte's code has 28: 35 bits are more than a 32-bit integer holds, so the
  // code goes in by its bytes.
  let next = at;
  let waiting = 0;
  let waitingBits = 0;
  for (let index = start; index < end; index++) {
    const symbol = bytes[index] ?? 0;
    const code = codes[symbol] ?? 0;
    let left = codeBits[symbol] ?? 0;
    while (left > 0) {
      const taken = Math.min(left, 8 - waitingBits);
      waiting = (waiting << taken) | ((code >>> (left - taken)) & ((1 << taken) - 1));
      waitingBits += taken;
      left -= taken;
      if (waitingBits < 8) continue;
      out[next++] = waiting;
      waiting = 0;
      waitingBits = 0;
    }
  }
  if (waitingBits > 0) out[next++] = (waiting << (8 - waitingBits)) | ((1 << (8 - waitingBits)) - 1);
  return next;
}

/** The most bytes that `encodedBytes` can decode to: the shortest code has five bits. */
export function huffmanDecodedBytesMax(encodedBytes: number): number {
  return Math.floor((encodedBytes * 8) / 5);
}

/** Decodes the range into `out` from 0 on, where `huffmanDecodedBytesMax` fit; returns how many bytes came out. */
export function huffmanDecode(bytes: Uint8Array, start: number, end: number, out: Uint8Array): number {
  let length = 0;
  let state = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    for (let shift = 4; shift >= 0; shift -= 4) {
      const move = states.moves[(state << 4) | ((byte >>> shift) & 0xf)] ?? moveFails;
      if (move === moveFails) throw new Http2Error(errorCodes.compressionError, "a Huffman string holds the end-of-string symbol");
      if ((move & moveEmits) !== 0) out[length++] = move >>> 16;
      state = move & moveState;
    }
  }
  if (states.maysEnd[state] !== 1) throw new Http2Error(errorCodes.compressionError, "a Huffman string ends in something else than its padding");
  return length;
}

/** code[symbol], canonical from the lengths; EOS comes last of the longest. */
function assignCodes(): Uint32Array {
  const assigned = new Uint32Array(257);
  let code = 0;
  for (let bits = 1; bits <= eosBits; bits++) {
    code *= 2;
    for (let symbol = 0; symbol <= eos; symbol++) {
      if ((codeBits[symbol] ?? eosBits) === bits) assigned[symbol] = code++;
    }
  }
  return assigned;
}

/**
 * The decoder as a machine over half bytes: its states are the inner nodes of the code's tree, the root is 0.
 * No code is shorter than five bits, so half a byte completes at most one.
 */
function buildStates(): { readonly moves: Int32Array; readonly maysEnd: Uint8Array } {
  // children[2 * node + bit]: an inner node, or ~symbol; 0 is not set yet, since nothing leads to the root.
  const children = new Int16Array(2 * 256);
  let nodes = 1;
  for (let symbol = 0; symbol <= eos; symbol++) {
    const bits = codeBits[symbol] ?? eosBits;
    const code = codes[symbol] ?? 0;
    let node = 0;
    for (let bit = bits - 1; bit > 0; bit--) {
      const edge = 2 * node + ((code >>> bit) & 1);
      if (children[edge] === 0) children[edge] = nodes++;
      node = children[edge] ?? 0;
    }
    children[2 * node + (code & 1)] = ~symbol;
  }
  const moves = new Int32Array(nodes * 16);
  for (let node = 0; node < nodes; node++) {
    for (let nibble = 0; nibble < 16; nibble++) moves[(node << 4) | nibble] = moveFrom(children, node, nibble);
  }
  // Padding is at most seven 1 bits: the root, and the nodes reached from it by ones alone.
  const maysEnd = new Uint8Array(nodes);
  let node = 0;
  for (let ones = 0; ones <= 7; ones++) {
    maysEnd[node] = 1;
    node = children[2 * node + 1] ?? 0;
  }
  return { moves, maysEnd };
}

function moveFrom(children: Int16Array, start: number, nibble: number): number {
  let node = start;
  let emitted = 0;
  for (let bit = 3; bit >= 0; bit--) {
    const child = children[2 * node + ((nibble >>> bit) & 1)] ?? 0;
    if (child >= 0) node = child;
    else if (~child === eos) return moveFails;
    else {
      emitted = moveEmits | (~child << 16);
      node = 0;
    }
  }
  return emitted | node;
}
