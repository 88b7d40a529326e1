// The PROXY header as bytes: what is read, what is refused, and that it may come in pieces.
import t from "tap";
import { proxyHeaderBytesMax, readProxyHeader } from "../../../src/balancer/proxy-door/proxy-header.js";
import { proxyHeader } from "../../support/proxy-header.js";

const v4 = proxyHeader({ client: [203, 0, 113, 7] });
const v6Client = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
const v6 = proxyHeader({ client: v6Client });

void t.test("IPv4, IPv6, with what proxies add behind the addresses, and a proxy's own connection", (t) => {
  const request = Buffer.from("POST / HTTP/1.1\r\n");
  t.same(readProxyHeader(Buffer.concat([v4, request])), { kind: "read", length: 28, client: Uint8Array.from([203, 0, 113, 7]) });
  t.same(readProxyHeader(Buffer.concat([v6, request])), { kind: "read", length: 52, client: Uint8Array.from(v6Client) });
  t.same(readProxyHeader(proxyHeader({ client: [203, 0, 113, 7], more: Buffer.alloc(300, 4) })), { kind: "read", length: 328, client: Uint8Array.from([203, 0, 113, 7]) });
  t.same(readProxyHeader(proxyHeader({ client: [203, 0, 113, 7], command: 0 })), { kind: "read", length: 28, client: undefined }, "LOCAL: the addresses are nobody's");
  t.same(readProxyHeader(proxyHeader({ client: [], family: 0 })), { kind: "read", length: 16, client: undefined }, "unspecified");
  t.end();
});

void t.test("each beginning of one is incomplete, and nothing else is", (t) => {
  for (const whole of [v4, v6]) for (let length = 0; length < whole.length; length++) t.equal(readProxyHeader(whole.subarray(0, length)).kind, "incomplete", `${length} bytes`);
  for (const text of ["P", "POST / HTTP/1.1\r\n", "PROXY TCP4 203.0.113.7 127.0.0.1 1 2\r\n", "\r\n\r\n\0\r\nQUIX", "\x16\x03\x01"]) t.match(readProxyHeader(Buffer.from(text, "latin1")), { kind: "wrong", reason: /did not begin with/ }, JSON.stringify(text));
  t.end();
});

void t.test("what it cannot say is refused, with the reason", (t) => {
  const reasonOf = (bytes: Buffer): string => {
    const header = readProxyHeader(bytes);
    return header.kind === "wrong" ? header.reason : header.kind;
  };
  t.match(reasonOf(proxyHeader({ client: [1, 2, 3, 4], version: 1 })), /says version 1/);
  t.match(reasonOf(proxyHeader({ client: [1, 2, 3, 4], command: 2 })), /unknown command 2/);
  t.match(reasonOf(proxyHeader({ client: [1, 2, 3, 4], family: 0x12 })), /of no TCP connection/, "UDP");
  t.match(reasonOf(proxyHeader({ client: [1, 2, 3, 4], family: 0x31 })), /of no TCP connection/, "UNIX");
  t.match(reasonOf(proxyHeader({ client: [1, 2, 3, 4], family: 0x21 })), /too short for its addresses/);
  t.match(reasonOf(proxyHeader({ client: [1, 2, 3, 4], more: Buffer.alloc(proxyHeaderBytesMax) })), /at most 4096/);
  t.end();
});
