/**
 * Who a request is from: the address at the other end, or, behind proxies that the operator trusts, the one they say. Clients choose within
 * their IPv6 network (RFC 4291: /64), so that is what counts there. Must not know what it is asked for.
 */
import { BlockList, isIPv4, isIPv6 } from "node:net";
import type { ProxiedClients } from "../balancing/proxied-clients.js";
import { parseNetwork } from "../snapshot/network.js";

/** So many proxies one behind the other are none: what is further to the left in X-Forwarded-For is not looked at. */
const hopsMax = 16;

export class ClientAddresses {
  private readonly trusted = new BlockList();
  private readonly trustsAny: boolean;

  /** `proxies` as `parseNetwork` reads them; `proxied` knows those who came through a port of the PROXY protocol, where there is one. */
  constructor(proxies: readonly string[], private readonly proxied?: ProxiedClients) {
    this.trustsAny = proxies.length > 0;
    for (const proxy of proxies) {
      const network = parseNetwork(proxy);
      if (network !== undefined) this.trusted.addSubnet(network.address, network.prefix, network.family);
    }
  }

  /** `remote` is the address at the other end, `forwarded` gives the value of X-Forwarded-For, "" for none. The same text for the same client. */
  clientOf(remote: string, forwarded: () => string): string {
    let client = normalAddress(remote) ?? remote;
    client = this.proxied?.clientAt(client) ?? client;
    if (!this.trustsAny || !this.isTrusted(client)) return networkOf(client);
    // Each proxy puts whom it heard behind what it was told: from the right, as far as those who say it are trusted.
    const hops = forwarded().split(",").slice(-hopsMax).reverse();
    for (const hop of hops) {
      const said = normalAddress(hop.trim());
      if (said === undefined) break;
      client = said;
      if (!this.isTrusted(client)) break;
    }
    return networkOf(client);
  }

  private isTrusted(address: string): boolean {
    return isIPv4(address) ? this.trusted.check(address, "ipv4") : isIPv6(address) && this.trusted.check(address, "ipv6");
  }
}

/** IPv4, also when it comes as IPv6; IPv6 as eight groups. Without a port, brackets or a zone. Undefined when it is no address. */
function normalAddress(text: string): string | undefined {
  const bare = /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
  if (isIPv4(bare)) return bare;
  const address = bare.split("%")[0] ?? "";
  if (!isIPv6(address)) return undefined;
  const groups = groupsOf(address);
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) return [groups[6], groups[7]].map((group = 0) => `${group >> 8}.${group & 255}`).join(".");
  return groups.map((group) => group.toString(16)).join(":");
}

/** The eight numbers of an IPv6 address, whose last two may be written as IPv4. */
function groupsOf(address: string): number[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const [, before = "", ...bytes] = dotted ?? [];
  const [one = 0, two = 0, three = 0, four = 0] = bytes.map(Number);
  const plain = dotted === null ? address : `${before}${((one << 8) | two).toString(16)}:${((three << 8) | four).toString(16)}`;
  const [left = "", right] = plain.split("::");
  const parse = (part: string): number[] => (part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16)));
  const [head, tail] = [parse(left), parse(right ?? "")];
  return [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}

function networkOf(address: string): string {
  return address.includes(":") ? address.split(":").slice(0, 4).join(":") : address;
}
