import t from "tap";
import { decodeMessage, formatTimeout, statusName, wholeTimeoutMs, writeMessagePrefix, writeTimeout } from "../../src/http2/grpc-format.js";
import { ReplyFields, replyFieldKind } from "../../src/http2/reply-fields.js";

void t.test("a message prefix is a zero and the length in four bytes", (t) => {
  const out = Buffer.alloc(5, 0xff);
  t.equal(writeMessagePrefix(out, 0, 0x01020304), 5);
  t.same([...out], [0, 1, 2, 3, 4]);
  t.end();
});

void t.test("timeouts are whole milliseconds of one to eight digits, never 0", (t) => {
  const cases: readonly (readonly [number, string])[] = [
    [-5, "1m"],
    [0, "1m"],
    [0.2, "1m"],
    [9, "9m"],
    [10, "10m"],
    [99.5, "100m"],
    [5_000, "5000m"],
    [99_999_999, "99999999m"],
    [1e12, "99999999m"],
  ];
  for (const [timeoutMs, text] of cases) {
    const wholeMs = wholeTimeoutMs(timeoutMs);
    const out = Buffer.alloc(9);
    t.equal(formatTimeout(wholeMs), text);
    t.equal(out.toString("latin1", 0, writeTimeout(out, 0, wholeMs)), text);
  }
  t.end();
});

void t.test("status messages are percent-decoded as UTF-8, and what is not valid stays", (t) => {
  t.equal(decodeMessage("plain text"), "plain text");
  t.equal(decodeMessage("100%25 %e2%82%ac%0A"), "100% €\n");
  t.equal(decodeMessage("50% off %zz %4"), "50% off %zz %4");
  t.equal(decodeMessage("%ff"), "\ufffd");
  t.end();
});

void t.test("statuses have their names", (t) => {
  t.equal(statusName(0), "OK");
  t.equal(statusName(14), "UNAVAILABLE");
  t.equal(statusName(16), "UNAUTHENTICATED");
  t.equal(statusName(99), "status 99");
  t.end();
});

void t.test("the fields of a reply are told apart, and numbers that are none are -1", (t) => {
  const fields = new ReplyFields();
  const hear = (name: string, value: string): void => {
    fields.onField(replyFieldKind(name), name, value);
  };
  hear(":status", "200");
  hear("content-type", "application/grpc+proto");
  hear("grpc-status", "13");
  hear("grpc-message", "no%20");
  hear("lintel-queue-depth", "7");
  hear("date", "now");
  t.match(fields, { httpStatus: 200, isGrpc: true, grpcStatus: 13, grpcMessage: "no%20", queueDepth: 7, hasStrangePseudo: false });
  hear(":path", "/");
  hear("grpc-status", "1x");
  hear("lintel-queue-depth", "-3");
  hear("content-type", "application/grpcweb");
  t.match(fields, { isGrpc: false, grpcStatus: -1, queueDepth: -1, hasStrangePseudo: true });
  fields.reset();
  hear("grpc-status", "");
  t.match(fields, { httpStatus: -1, contentType: "", grpcStatus: -1, grpcMessage: "", hasStrangePseudo: false });
  t.end();
});
