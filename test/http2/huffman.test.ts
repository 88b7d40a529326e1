import fc from "fast-check";
import t from "tap";
import { huffmanBytes, huffmanDecode, huffmanDecodedBytesMax, huffmanEncode } from "../../src/http2/huffman.js";
import { Http2Error } from "../../src/http2/protocol.js";

function encode(text: Uint8Array): Buffer {
  const out = Buffer.alloc(huffmanBytes(text, 0, text.length));
  t.equal(huffmanEncode(text, 0, text.length, out, 0), out.length);
  return out;
}

function decode(coded: Uint8Array): Buffer {
  const out = Buffer.alloc(huffmanDecodedBytesMax(coded.length));
  return out.subarray(0, huffmanDecode(coded, 0, coded.length, out));
}

void t.test("codes of every length are those of RFC 7541 appendix B", (t) => {
  // Symbol, code aligned to the left and filled with ones to whole bytes.
  const expected: readonly (readonly [symbol: number, bits: number, code: number])[] = [
    [0x30, 5, 0x0],
    [0x61, 5, 0x3],
    [0x74, 5, 0x9],
    [0x20, 6, 0x14],
    [0x75, 6, 0x2d],
    [0x3a, 7, 0x5c],
    [0x7a, 7, 0x7b],
    [0x26, 8, 0xf8],
    [0x5a, 8, 0xfd],
    [0x21, 10, 0x3f8],
    [0x3f, 10, 0x3fc],
    [0x7c, 11, 0x7fc],
    [0x3e, 12, 0xffb],
    [0x00, 13, 0x1ff8],
    [0x7e, 13, 0x1ffd],
    [0x7d, 14, 0x3ffd],
    [0x7b, 15, 0x7ffe],
    [0xd0, 19, 0x7fff2],
    [0xc3, 19, 0x7fff1],
    [0x80, 20, 0xfffe6],
    [0xe2, 20, 0xfffed],
    [0x99, 21, 0x1fffdc],
    [0xe6, 21, 0x1fffe8],
    [0x81, 22, 0x3fffd2],
    [0x01, 23, 0x7fffd8],
    [0x09, 24, 0xffffea],
    [0xc7, 25, 0x1ffffec],
    [0xff, 26, 0x3ffffee],
    [0xcb, 27, 0x7ffffde],
    [0x02, 28, 0xfffffe2],
    [0xf9, 28, 0xffffffe],
    [0x0a, 30, 0x3ffffffc],
    [0x16, 30, 0x3ffffffe],
  ];
  for (const [symbol, bits, code] of expected) {
    const bytes = Math.ceil(bits / 8);
    const filled = (BigInt(code) << BigInt(bytes * 8 - bits)) | ((1n << BigInt(bytes * 8 - bits)) - 1n);
    t.equal(encode(Uint8Array.of(symbol)).toString("hex"), filled.toString(16).padStart(bytes * 2, "0"), `symbol ${symbol}`);
  }
  t.end();
});

void t.test("every byte and every string comes back as it was", (t) => {
  const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  t.same(decode(encode(all)), Buffer.from(all));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      t.ok(decode(encode(bytes)).equals(bytes));
    }),
  );
  t.end();
});

void t.test("padding that is too long, or not ones, and the end-of-string symbol are refused", (t) => {
  const refuses = (coded: readonly number[]): void => {
    t.throws(() => decode(Uint8Array.from(coded)), Http2Error, coded.join());
  };
  t.equal(decode(Uint8Array.of(0b00011_111)).toString(), "a");
  refuses([0b00011_111, 0xff]); // 11 bits of padding
  refuses([0b00011_110]);
  refuses([0b00011_000]);
  refuses([0xff, 0xff, 0xff, 0xff]); // EOS and two bits
  refuses([0xff]);
  t.end();
});

void t.test("whatever the bytes, decoding gives at most the announced length or the typed error", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      try {
        t.ok(encode(decode(bytes)).equals(bytes), "one string has one encoding");
      } catch (error) {
        if (!(error instanceof Http2Error)) throw error;
      }
    }),
    { numRuns: 1_000 },
  );
  t.end();
});
