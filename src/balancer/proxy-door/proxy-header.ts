/**
 * The header of the PROXY protocol, version 2 (haproxy.org, doc/proxy-protocol.txt): who the client is that a connection was
 * passed on for. Pure. Must not know connections.
 */

export type ProxyHeader =
  /** It may become one. */
  | { readonly kind: "incomplete" }
  | { readonly kind: "wrong"; readonly reason: string }
  /** `client` has 4 or 16 bytes; undefined when the connection is the proxy's own, such as a health check. What is behind `length` is the client's. */
  | { readonly kind: "read"; readonly length: number; readonly client: Uint8Array | undefined };

const signature = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const headBytes = 16;
/** Addresses and what proxies add to them (TLS facts, names): no proxy comes near it. */
export const proxyHeaderBytesMax = 4_096;
const commands = { local: 0, proxy: 1 } as const;
/** Where the client's address ends, and the least that must be there, by the byte that says what the addresses are. */
const families: Readonly<Record<number, { readonly addressBytes: number; readonly bytesMin: number }>> = {
  0x11: { addressBytes: 4, bytesMin: 12 },
  0x21: { addressBytes: 16, bytesMin: 36 },
};
const unspecified = 0;

/** Of the bytes that came first on a connection. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  const known = Math.min(bytes.length, signature.length);
  if (!bytes.subarray(0, known).equals(signature.subarray(0, known))) return { kind: "wrong", reason: "it did not begin with a header of the PROXY protocol, version 2" };
  if (bytes.length < headBytes) return { kind: "incomplete" };
  const [versionAndCommand = 0, family = 0] = bytes.subarray(signature.length);
  const [version, command] = [versionAndCommand >> 4, versionAndCommand & 15];
  if (version !== 2) return { kind: "wrong", reason: `its PROXY header says version ${version}, expected 2` };
  if (command > commands.proxy) return { kind: "wrong", reason: `its PROXY header has the unknown command ${command}` };
  const length = headBytes + bytes.readUInt16BE(14);
  if (length > proxyHeaderBytesMax) return { kind: "wrong", reason: `its PROXY header has ${length} bytes, at most ${proxyHeaderBytesMax}` };
  if (bytes.length < length) return { kind: "incomplete" };
  if (command === commands.local || family === unspecified) return { kind: "read", length, client: undefined };
  const shape = families[family];
  if (shape === undefined) return { kind: "wrong", reason: "its PROXY header is of no TCP connection" };
  if (length < headBytes + shape.bytesMin) return { kind: "wrong", reason: "its PROXY header is too short for its addresses" };
  return { kind: "read", length, client: Uint8Array.from(bytes.subarray(headBytes, headBytes + shape.addressBytes)) };
}
