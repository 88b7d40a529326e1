import { fileURLToPath } from "node:url";
import * as loader from "@grpc/proto-loader";
import fc from "fast-check";
import t from "tap";
import { LintRequestWriter, LintResponseReader, readDescribeResponse, readHealthResponse, type LintRequestFields } from "../../src/http2/linter-messages.js";
import { MessageError } from "../../src/http2/protobuf-reader.js";

const definitions = loader.loadSync("lintel/v1/linter.proto", {
  includeDirs: [fileURLToPath(new URL("../../../proto", import.meta.url))],
  defaults: true,
});
const service = definitions["lintel.v1.Linter"] as loader.ServiceDefinition;
const lint = service["Lint"]!;
const describe = service["Describe"]!;

function written(request: LintRequestFields): Buffer {
  const writer = new LintRequestWriter();
  writer.measure(request);
  const out = Buffer.alloc(writer.messageBytes);
  const at = writer.writeHead(request, out, 0);
  t.equal(at, writer.headBytes);
  out.set(request.source, at);
  return out;
}

void t.test("a LintRequest is what protobufjs reads as the same fields", (t) => {
  const text = fc.oneof(fc.constant(""), fc.string({ unit: "grapheme", maxLength: 200 }));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), text, text, text, (source, filename, optionsJson, traceparent) => {
      const read = lint.requestDeserialize(written({ source, filename, optionsJson, traceparent })) as LintRequestFields;
      t.ok(Buffer.from(source).equals(read.source));
      t.same({ ...read, source: 0 }, { source: 0, filename, optionsJson, traceparent });
    }),
  );
  t.end();
});

void t.test("sources of every length that changes the length of a length are written right", (t) => {
  for (const length of [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152]) {
    const source = Buffer.alloc(length, 0x61);
    const read = lint.requestDeserialize(written({ source, filename: "", optionsJson: "", traceparent: "" })) as LintRequestFields;
    t.ok(source.equals(read.source), `${length} bytes`);
  }
  t.end();
});

void t.test("a LintResponse of protobufjs is read in place", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 0, max: 0xffffffff }), fc.nat(20), (report, queueDepth, before) => {
      const message = lint.responseSerialize({ report, queueDepth });
      const bytes = Buffer.concat([Buffer.alloc(before, 0xff), message, Buffer.alloc(3, 0xff)]);
      const reader = new LintResponseReader();
      reader.read(bytes, before, before + message.length);
      t.ok(bytes.subarray(reader.reportStart, reader.reportEnd).equals(report));
      t.equal(reader.queueDepth, queueDepth);
    }),
  );
  t.end();
});

void t.test("unknown fields of every wire type are skipped", (t) => {
  const bytes = Buffer.from("48 01 51 0000000000000000 5a 02 6161 65 00000000 0a 01 7b".replaceAll(" ", ""), "hex");
  const reader = new LintResponseReader();
  reader.read(bytes, 0, bytes.length);
  t.equal(bytes.toString("latin1", reader.reportStart, reader.reportEnd), "{");
  t.equal(reader.queueDepth, 0);
  t.end();
});

void t.test("bytes that are no LintResponse are refused with words", (t) => {
  const refuses = (hex: string, message: RegExp): void => {
    const bytes = Buffer.from(hex, "hex");
    t.throws(() => new LintResponseReader().read(bytes, 0, bytes.length), { name: "MessageError", message }, hex);
  };
  refuses("0a05", /field 1 ends behind/);
  refuses("0801", /field 1 has wire type 0, not 2/);
  refuses("1201", /field 2 ends behind/);
  refuses("120161", /field 2 has wire type 2, not 0/);
  refuses("0b", /wire type 3/);
  refuses("00", /number 0/);
  refuses("10ff", /number that ends behind/);
  refuses("10ffffffffffffffffffffff", /more than ten bytes/);
  t.end();
});

void t.test("a DescribeResponse of protobufjs is read with all its fields, and with none", (t) => {
  const full = {
    language: "python",
    version: "0.17.3",
    linterName: "ruff",
    linterVersion: "0.17.3",
    formats: ["lintel.report.v1", "sarif"],
    selfTest: { source: Buffer.from("import os\n"), filename: "x.py", reportSha256: Buffer.alloc(32, 7) },
    documentationUrl: "https://example.com/ü",
  };
  const bytes = describe.responseSerialize(full);
  t.same(readDescribeResponse(bytes, 0, bytes.length), full);
  t.same(readDescribeResponse(bytes, 0, 0), { language: "", version: "", linterName: "", linterVersion: "", formats: [], documentationUrl: "" });
  t.end();
});

void t.test("a health status is read, and is unknown when left out", (t) => {
  t.equal(readHealthResponse(Buffer.from("0802", "hex"), 0, 2), 2);
  t.equal(readHealthResponse(Buffer.from("", "hex"), 0, 0), 0);
  t.end();
});

void t.test("whatever the bytes, the readers end with a value or the typed error", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      for (const read of [() => new LintResponseReader().read(bytes, 0, bytes.length), () => readDescribeResponse(bytes, 0, bytes.length), () => readHealthResponse(bytes, 0, bytes.length)]) {
        try {
          read();
        } catch (error) {
          if (!(error instanceof MessageError)) throw error;
        }
      }
    }),
    { numRuns: 1_000 },
  );
  t.end();
});
