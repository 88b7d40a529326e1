/** A header of the PROXY protocol, version 2, as a proxy sends it, or as none should. Must not know who reads it. */

export interface ProxyHeaderGiven {
  /** 4 or 16 bytes; the address it came to is as many zeros. */
  readonly client: readonly number[];
  /** 1 PROXY, 0 LOCAL. */
  readonly command?: number;
  readonly version?: number;
  /** TCP over what `client` is when not given. */
  readonly family?: number;
  /** What comes behind the addresses. */
  readonly more?: Buffer;
}

export function proxyHeader({ client, command = 1, version = 2, family = client.length === 4 ? 0x11 : 0x21, more = Buffer.alloc(0) }: ProxyHeaderGiven): Buffer {
  const ports = client.length === 0 ? [] : [4, 210, 0, 80];
  const addresses = Buffer.from([...client, ...client.map(() => 0), ...ports]);
  const length = addresses.length + more.length;
  return Buffer.concat([Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1"), Buffer.from([(version << 4) | command, family, length >> 8, length & 255]), addresses, more]);
}
