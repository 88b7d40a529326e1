import fc from "fast-check";
import t from "tap";
import { HpackDecoder } from "../../src/http2/hpack-decoder.js";
import { RequestHeaders } from "../../src/http2/request-headers.js";

const path = "/lintel.v1.Linter/Lint";

/** What a server makes of the blocks, in order. */
function server(): (block: Uint8Array) => Record<string, string> {
  const decoder = new HpackDecoder({ tableBytesMax: 4_096, kindOf: () => 0 });
  return (block) => {
    const fields: Record<string, string> = {};
    decoder.decode(block, 0, block.length, { onField: (_kind, name, value) => (fields[name] = value) });
    return fields;
  };
}

const expected = (timeout: string | undefined, method = path): Record<string, string> => ({
  ":method": "POST",
  ":scheme": "http",
  ":path": method,
  ":authority": "127.0.0.1:7070",
  "content-type": "application/grpc",
  te: "trailers",
  "user-agent": "grpc-lintel",
  ...(timeout === undefined ? {} : { "grpc-timeout": timeout }),
});

function setUp(): { headers: RequestHeaders; call: (timeoutMs: number) => Buffer; once: (path: string, timeoutMs: number) => Buffer } {
  const headers = new RequestHeaders(path, "127.0.0.1:7070");
  const out = Buffer.alloc(headers.blockBytesMax);
  return {
    headers,
    call: (timeoutMs) => Buffer.from(out.subarray(0, headers.writeCall(out, 0, timeoutMs))),
    once: (method, timeoutMs) => Buffer.from(out.subarray(0, headers.writeOnce(out, 0, method, timeoutMs))),
  };
}

void t.test("after the first request a call is eight index bytes, or seven and a timeout", (t) => {
  const { call } = setUp();
  const hear = server();
  t.same(hear(call(5_000)), expected("5000m"));
  for (let round = 0; round < 3; round++) {
    const block = call(5_000);
    t.equal(block.length, 8);
    t.same(hear(block), expected("5000m"));
    const other = call(4_321);
    t.equal(other.length, 7 + 2 + 1 + 5);
    t.same(hear(other), expected("4321m"));
  }
  t.end();
});

void t.test("a trace goes along without touching the table, and without one the block is as short as before", (t) => {
  const headers = new RequestHeaders(path, "127.0.0.1:7070");
  const hear = server();
  const out = Buffer.alloc(headers.blockBytesMax);
  const call = (traceparent: string): Buffer => Buffer.from(out.subarray(0, headers.writeCall(out, 0, 5_000, traceparent)));
  const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  for (let round = 0; round < 3; round++) {
    t.same(hear(call(traceparent)), { ...expected("5000m"), traceparent });
    const untraced = call("");
    t.same(hear(untraced), expected("5000m"));
    t.same(hear(call(`${traceparent}0`)), expected("5000m"), "what is longer is none");
    t.ok(round === 0 || untraced.length === 8, `${untraced.length} bytes`);
  }
  t.end();
});

void t.test("other methods leave the table alone, and may have no timeout", (t) => {
  const { call, once } = setUp();
  const hear = server();
  t.same(hear(once("/grpc.health.v1.Health/Watch", 0)), expected(undefined, "/grpc.health.v1.Health/Watch"));
  hear(call(1));
  t.equal(call(1).length, 8);
  t.same(hear(once("/lintel.v1.Linter/Describe", 7)), expected("7m", "/lintel.v1.Linter/Describe"));
  t.equal(call(1).length, 8);
  t.end();
});

void t.test("a peer whose table is too small for all fields gets the rest as literals, one that grows gets indices", (t) => {
  const { headers, call } = setUp();
  const hear = server();
  hear(call(5));
  headers.setPeerTableBytes(0);
  t.same(hear(call(5)), expected("5m"));
  t.ok(call(5).length > 60);
  headers.setPeerTableBytes(150);
  t.same(hear(call(5)), expected("5m"));
  const [second, third] = [call(5), call(5)];
  t.same(second, third, "nothing is pushed out for another field");
  t.same(hear(second), expected("5m"));
  headers.setPeerTableBytes(4_096);
  t.same(hear(call(5)), expected("5m"));
  t.equal(call(5).length, 8);
  t.end();
});

void t.test("whatever the peer does to its table, it reads every request", (t) => {
  const step = fc.oneof(
    fc.record({ timeoutMs: fc.integer({ min: 1, max: 20 }) }),
    fc.record({ timeoutMs: fc.integer({ min: 1, max: 99_999_999 }), once: fc.constant("/a/B") }),
    fc.record({ tableBytes: fc.integer({ min: 0, max: 600 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { headers, call, once } = setUp();
      const hear = server();
      for (const step of steps) {
        if ("tableBytes" in step) headers.setPeerTableBytes(step.tableBytes);
        else if ("once" in step) t.same(hear(once(step.once, step.timeoutMs)), expected(`${step.timeoutMs}m`, step.once));
        else t.same(hear(call(step.timeoutMs)), expected(`${step.timeoutMs}m`));
      }
    }),
  );
  t.end();
});
