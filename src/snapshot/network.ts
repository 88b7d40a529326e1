/** Networks as operators write them, "10.0.0.0/8", and the addresses in them. Must not know what they are for. */
import { BlockList, isIPv4, isIPv6 } from "node:net";

/** What a JSON Schema can say of it; `parseNetwork` checks the rest. */
export const networkPattern = String.raw`^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$`;

export interface Network {
  readonly address: string;
  readonly prefix: number;
  readonly family: "ipv4" | "ipv6";
}

/** A network, or a single address. Undefined when it is neither. */
export function parseNetwork(text: string): Network | undefined {
  const [address = "", bits, more] = text.split("/");
  const family = isIPv4(address) ? "ipv4" : isIPv6(address) && !address.includes("%") ? "ipv6" : undefined;
  if (family === undefined || more !== undefined) return undefined;
  const prefixMax = family === "ipv4" ? 32 : 128;
  const prefix = bits === undefined ? prefixMax : /^\d{1,3}$/.test(bits) ? Number(bits) : -1;
  return prefix < 0 || prefix > prefixMax ? undefined : { address, prefix, family };
}

/** Whether an address is in one of several networks. */
export class NetworkList {
  private readonly list = new BlockList();

  /** As `parseNetwork` reads them; what is none is left out. */
  constructor(networks: readonly string[]) {
    for (const text of networks) {
      const network = parseNetwork(text);
      if (network !== undefined) this.list.addSubnet(network.address, network.prefix, network.family);
    }
  }

  /** False for what is no address. */
  has(address: string): boolean {
    return isIPv4(address) ? this.list.check(address, "ipv4") : isIPv6(address) && this.list.check(address, "ipv6");
  }
}

/** The eight numbers of an IPv6 address without a zone, whose last two may be written as IPv4. */
export function groupsOf(address: string): number[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const [, before = "", ...bytes] = dotted ?? [];
  const [one = 0, two = 0, three = 0, four = 0] = bytes.map(Number);
  const plain = dotted === null ? address : `${before}${((one << 8) | two).toString(16)}:${((three << 8) | four).toString(16)}`;
  const [left = "", right] = plain.split("::");
  const parse = (part: string): number[] => (part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16)));
  const [head, tail] = [parse(left), parse(right ?? "")];
  return [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}
