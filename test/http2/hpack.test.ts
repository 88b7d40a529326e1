import fc from "fast-check";
import t from "tap";
import { HpackDecoder } from "../../src/http2/hpack-decoder.js";
import { HpackEncoder, writeInteger, type FieldMode } from "../../src/http2/hpack-encoder.js";
import { fieldBytes } from "../../src/http2/hpack-table.js";
import { Http2Error } from "../../src/http2/protocol.js";

type Field = readonly [name: string, value: string];

function encoderOf(huffman: boolean, tableBytesMax = 4_096): (fields: readonly Field[], mode?: FieldMode) => Buffer {
  const encoder = new HpackEncoder({ huffman, tableBytesMax });
  return (fields, mode = "indexed") => encodeWith(encoder, fields, mode);
}

function encodeWith(encoder: HpackEncoder, fields: readonly Field[], mode: FieldMode): Buffer {
  const out = Buffer.alloc(fields.reduce((sum, [name, value]) => sum + fieldBytes(name, value), 10));
  let at = encoder.beginBlock(out, 0);
  for (const [name, value] of fields) at = encoder.writeField(out, at, name, value, mode);
  return out.subarray(0, at);
}

function decoderOf(tableBytesMax = 4_096): (block: Uint8Array) => Field[] {
  const decoder = new HpackDecoder({ tableBytesMax, kindOf: (name) => name.length % 256 });
  return (block) => {
    const fields: Field[] = [];
    const listBytes = decoder.decode(block, 0, block.length, {
      onField: (kind, name, value) => {
        t.equal(kind, name.length % 256);
        fields.push([name, value]);
      },
    });
    t.equal(
      listBytes,
      fields.reduce((sum, [name, value]) => sum + fieldBytes(name, value), 0),
    );
    return fields;
  };
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

void t.test("integers are written and read as in RFC 7541 appendix C.1", (t) => {
  const write = (pattern: number, prefixBits: number, value: number): number[] => {
    const out = Buffer.alloc(8);
    return [...out.subarray(0, writeInteger(out, 0, pattern, prefixBits, value))];
  };
  t.same(write(0, 5, 10), [0b01010]);
  t.same(write(0, 5, 1_337), [0b11111, 0b10011010, 0b00001010]);
  t.same(write(0, 8, 42), [0b00101010]);
  t.end();
});

void t.test("the literals of RFC 7541 appendix C.2 go both ways", (t) => {
  const examples: readonly (readonly [Field, FieldMode, string])[] = [
    [["custom-key", "custom-header"], "indexed", "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572"],
    [[":path", "/sample/path"], "plain", "040c 2f73 616d 706c 652f 7061 7468"],
    [["password", "secret"], "never", "1008 7061 7373 776f 7264 0673 6563 7265 74"],
    [[":method", "GET"], "indexed", "82"],
  ];
  for (const [field, mode, bytes] of examples) {
    t.equal(encoderOf(false)([field], mode).toString("hex"), hex(bytes).toString("hex"));
    t.same(decoderOf()(hex(bytes)), [field]);
  }
  t.end();
});

const request: Field[] = [
  [":method", "GET"],
  [":scheme", "http"],
  [":path", "/"],
  [":authority", "www.example.com"],
];
const secondRequest: Field[] = [...request, ["cache-control", "no-cache"]];
const thirdRequest: Field[] = [
  [":method", "GET"],
  [":scheme", "https"],
  [":path", "/index.html"],
  [":authority", "www.example.com"],
  ["custom-key", "custom-value"],
];
const response: Field[] = [
  [":status", "302"],
  ["cache-control", "private"],
  ["date", "Mon, 21 Oct 2013 20:13:21 GMT"],
  ["location", "https://www.example.com"],
];
const secondResponse: Field[] = [[":status", "307"], ...response.slice(1)];
const thirdResponse: Field[] = [
  [":status", "200"],
  ["cache-control", "private"],
  ["date", "Mon, 21 Oct 2013 20:13:22 GMT"],
  ["location", "https://www.example.com"],
  ["content-encoding", "gzip"],
  ["set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"],
];

const sequences = [
  {
    name: "requests without Huffman coding (C.3)",
    huffman: false,
    tableBytesMax: 4_096,
    blocks: [
      [request, "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d"],
      [secondRequest, "8286 84be 5808 6e6f 2d63 6163 6865"],
      [thirdRequest, "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65"],
    ],
  },
  {
    name: "requests with Huffman coding (C.4)",
    huffman: true,
    tableBytesMax: 4_096,
    blocks: [
      [request, "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff"],
      [secondRequest, "8286 84be 5886 a8eb 1064 9cbf"],
      [thirdRequest, "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf"],
    ],
  },
  {
    name: "responses in a table of 256 bytes, without Huffman coding (C.5)",
    huffman: false,
    tableBytesMax: 256,
    blocks: [
      [
        response,
        "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 54" +
          "6e17 6874 7470 733a 2f2f 7777 772e 6578 616d 706c 652e 636f 6d",
      ],
      [secondResponse, "4803 3330 37c1 c0bf"],
      [
        thirdResponse,
        "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d" +
          "4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
      ],
    ],
  },
  {
    name: "responses in a table of 256 bytes, with Huffman coding (C.6)",
    huffman: true,
    tableBytesMax: 256,
    blocks: [
      [
        response,
        "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
      ],
      [secondResponse, "4883 640e ffc1 c0bf"],
      [
        thirdResponse,
        "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
      ],
    ],
  },
] as const;

for (const { name, huffman, tableBytesMax, blocks } of sequences) {
  void t.test(`RFC 7541's ${name} go both ways`, (t) => {
    const encode = encoderOf(huffman, tableBytesMax);
    const decode = decoderOf(tableBytesMax);
    for (const [fields, bytes] of blocks) {
      t.equal(encode(fields).toString("hex"), hex(bytes).toString("hex"));
      t.same(decode(hex(bytes)), fields);
    }
    t.end();
  });
}

void t.test("fields come back through tables of any and changing size", (t) => {
  const name = fc.oneof(fc.constantFrom(":status", "content-type", "grpc-status", "date", "x"), fc.string({ maxLength: 20, unit: "binary-ascii" }));
  const value = fc.oneof(fc.constantFrom("0", "200", "application/grpc"), fc.string({ maxLength: 200, unit: "binary-ascii" }));
  const mode = fc.constantFrom<FieldMode>("indexed", "plain", "never");
  const step = fc.oneof(
    fc.record({ fields: fc.array(fc.tuple(name, value), { maxLength: 8 }), mode }),
    fc.record({ tableBytes: fc.integer({ min: 0, max: 6_000 }) }),
  );
  fc.assert(
    fc.property(fc.boolean(), fc.array(step, { maxLength: 30 }), (huffman, steps) => {
      const encoder = new HpackEncoder({ huffman, tableBytesMax: 4_096 });
      const decode = decoderOf();
      for (const step of steps) {
        if ("tableBytes" in step) encoder.setPeerTableBytes(step.tableBytes);
        else t.same(decode(encodeWith(encoder, step.fields, step.mode)), step.fields);
      }
    }),
  );
  t.end();
});

void t.test("a table that shrank and grew between two blocks is announced with both sizes (section 4.2)", (t) => {
  const encoder = new HpackEncoder({ huffman: false, tableBytesMax: 4_096 });
  const decode = decoderOf();
  decode(encodeWith(encoder, [["a", "b"]], "indexed"));
  encoder.setPeerTableBytes(0);
  encoder.setPeerTableBytes(100);
  const block = encodeWith(encoder, [["a", "b"]], "indexed");
  t.equal(block.toString("hex"), "203f45" + "4001610162");
  t.same(decode(block), [["a", "b"]]);
  t.same([...encodeWith(encoder, [["a", "b"]], "indexed")], [0xbe]);
  t.end();
});

void t.test("what breaks HPACK is a COMPRESSION_ERROR that says what was wrong", (t) => {
  const refuses = (bytes: string, message: RegExp): void => {
    t.throws(() => decoderOf()(hex(bytes)), { name: "Http2Error", code: 9, message }, bytes);
  };
  refuses("80", /index 0/);
  refuses("be", /index 62/);
  refuses("7f", /ends behind/);
  refuses("ffffffffff7f", /28 bits/);
  refuses("40", /ends behind/);
  refuses("4005 6162", /string that ends behind/);
  refuses("3fe21f", /table of 4097 bytes/);
  refuses("82 20", /middle of a header block/);
  refuses("0001 6181 00", /padding/);
  t.end();
});

void t.test("whatever the bytes, decoding ends with fields or the typed error, and the table keeps its bound", (t) => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 10 }), (blocks) => {
      const decode = decoderOf(300);
      try {
        for (const block of blocks) decode(block);
      } catch (error) {
        if (!(error instanceof Http2Error)) throw error;
      }
    }),
    { numRuns: 500 },
  );
  t.end();
});
