import { fileURLToPath } from "node:url";
import * as loader from "@grpc/proto-loader";
import fc from "fast-check";
import t from "tap";
import { beginLintResponse, decodeHealthRequest, decodeLintRequest, encodeDescription, encodeHealthResponse, finishLintResponse, reportOf, servingStatuses } from "../../src/linter/messages.js";
import { ProtobufError } from "../../src/linter/protobuf.js";

const loaded = loader.loadSync(["lintel/v1/linter.proto", "grpc/health/v1/health.proto"], {
  includeDirs: [fileURLToPath(new URL("../../../proto", import.meta.url))],
  enums: String,
  defaults: true,
});
const linter = loaded["lintel.v1.Linter"] as loader.ServiceDefinition;
const health = loaded["grpc.health.v1.Health"] as loader.ServiceDefinition;
const text = fc.string({ unit: "binary" }).map((value) => Buffer.from(value, "utf8").toString("utf8"));
const bytes = fc.uint8Array({ maxLength: 500 });
const numbers = fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 0xffffffff }));

void t.test("a LintRequest is read as the .proto files have it, and a field of tomorrow is passed over", (t) => {
  fc.assert(
    fc.property(bytes, text, text, text, (source, filename, optionsJson, traceparent) => {
      const encoded = linter["Lint"]!.requestSerialize({ source, filename, optionsJson, traceparent });
      const unknown = Buffer.from([0x9a, 0x06, 0x02, 0xff, 0xff, 0xa0, 0x06, 0x96, 0x01, 0xad, 0x06, 1, 2, 3, 4, 0xa9, 0x06, 1, 2, 3, 4, 5, 6, 7, 8]);
      const decoded = decodeLintRequest(Buffer.concat([unknown, encoded]));
      t.strictSame({ ...decoded, source: [...decoded.source] }, { source: [...source], filename, optionsJson });
    }),
    { numRuns: 100 },
  );
  t.end();
});

void t.test("a LintResponse is what the .proto files have, for every length of report, depth of queue and cost", (t) => {
  fc.assert(
    fc.property(text, numbers, numbers, (report, queueDepth, costMicros) => {
      const unfinished = beginLintResponse(report);
      t.equal(Buffer.from(reportOf(unfinished)).toString("utf8"), report);
      const decoded = linter["Lint"]!.responseDeserialize(finishLintResponse(unfinished, queueDepth, costMicros)) as { report: Buffer; queueDepth: number; costMicros: number };
      t.equal(decoded.report.toString("utf8"), report);
      t.equal(decoded.queueDepth, queueDepth);
      t.equal(decoded.costMicros, costMicros);
    }),
    { numRuns: 100 },
  );
  const long = "ä".repeat(100_000);
  t.equal((linter["Lint"]!.responseDeserialize(finishLintResponse(beginLintResponse(long), 1, 1)) as { report: Buffer }).report.toString("utf8"), long);
  t.end();
});

void t.test("a DescribeResponse is what the .proto files have", (t) => {
  const description = {
    language: "python",
    version: "1.2",
    linterName: "ruff",
    linterVersion: "0.1",
    formats: ["a", "b"],
    documentationUrl: "https://example.org/",
    selfTest: { source: Buffer.alloc(0), filename: "", reportSha256: Buffer.from("abc") },
  };
  t.strictSame(linter["Describe"]!.responseDeserialize(encodeDescription(description)), description);
  const { selfTest, ...without } = description;
  t.ok(selfTest);
  t.match(linter["Describe"]!.responseDeserialize(encodeDescription(without)), { ...without, selfTest: null });
  t.end();
});

void t.test("the health messages are what the .proto files have", (t) => {
  t.strictSame(decodeHealthRequest(health["Check"]!.requestSerialize({ service: "lintel.v1.Linter" })), { service: "lintel.v1.Linter" });
  t.strictSame(decodeHealthRequest(Buffer.alloc(0)), { service: "" });
  const names = Object.values(servingStatuses).map((status) => (health["Check"]!.responseDeserialize(encodeHealthResponse(status)) as { status: string }).status);
  t.strictSame(names, ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"]);
  t.end();
});

void t.test("bytes that are no message give a typed error and never anything else", (t) => {
  let refused = 0;
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (garbage) => {
      try {
        decodeLintRequest(garbage);
      } catch (error) {
        if (!(error instanceof ProtobufError)) throw error;
        refused++;
      }
    }),
    { numRuns: 2_000 },
  );
  t.ok(refused > 0);
  t.end();
});
