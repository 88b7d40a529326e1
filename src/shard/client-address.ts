/**
 * Who a request is from: the address at the other end, or, behind proxies that the operator trusts, the one they say. Clients choose within
 * their IPv6 network (RFC 4291: /64), so that is what counts there. Must not know what it is asked for.
 */
import { isIPv4, isIPv6 } from "node:net";
import type { ProxiedClients } from "../balancing/proxied-clients.js";
import { groupsOf, NetworkList } from "../snapshot/network.js";

/** So many proxies one behind the other are none: what is further to the left in X-Forwarded-For is not looked at. */
const hopsMax = 16;

export class ClientAddresses {
  private readonly trusted: NetworkList;
  private readonly trustsAny: boolean;

  /** `proxies` as `parseNetwork` reads them; `proxied` knows those who came through a port of the PROXY protocol, where there is one. */
  constructor(proxies: readonly string[], private readonly proxied?: ProxiedClients) {
    this.trustsAny = proxies.length > 0;
    this.trusted = new NetworkList(proxies);
  }

  /** `remote` is the address at the other end, `forwarded` gives the value of X-Forwarded-For, "" for none. The same text for the same client. */
  clientOf(remote: string, forwarded: () => string): string {
    let client = normalAddress(remote) ?? remote;
    client = this.proxied?.clientAt(client) ?? client;
    if (!this.trustsAny || !this.trusted.has(client)) return networkOf(client);
    // Each proxy puts whom it heard behind what it was told: from the right, as far as those who say it are trusted.
    const hops = forwarded().split(",").slice(-hopsMax).reverse();
    for (const hop of hops) {
      const said = normalAddress(hop.trim());
      if (said === undefined) break;
      client = said;
      if (!this.trusted.has(client)) break;
    }
    return networkOf(client);
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

function networkOf(address: string): string {
  return address.includes(":") ? address.split(":").slice(0, 4).join(":") : address;
}
