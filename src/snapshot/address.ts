/**
 * "host:port" as operators write it, and back. Must not resolve names or open sockets: it only knows
 * what an address looks like.
 */
import { isIPv4, isIPv6 } from "node:net";

export interface Address {
  /** A name, an IPv4 address, or an IPv6 address without brackets, in lower case. */
  readonly host: string;
  readonly port: number;
}

/** What a JSON Schema can say of an address; `parseAddress` checks the rest. */
export const addressPattern = String.raw`^(\[[0-9A-Fa-f:.]+(%[^\]\s]+)?\]|[A-Za-z0-9._-]+):[0-9]{1,5}$`;

const portMax = 65_535;
// RFC 1123 section 2.1: labels of letters, digits and hyphens; underscores are seen in container networks.
const namePattern = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*\.?$/;

/** Undefined when `text` is no address. Port 0 ("any free one") only makes sense to listen on. */
export function parseAddress(text: string, allowed: { readonly portZero: boolean }): Address | undefined {
  const match = /^(?:\[([^\]]+)\]|([^\s:[\]]+)):([0-9]{1,5})$/.exec(text);
  if (match === null) return undefined;
  const port = Number(match[3]);
  if (port > portMax || (port === 0 && !allowed.portZero)) return undefined;
  const host = match[1] === undefined ? plainHost((match[2] ?? "").toLowerCase()) : ipv6Host(match[1]);
  return host === undefined ? undefined : { host, port };
}

function plainHost(host: string): string | undefined {
  // Digits and dots alone can only be meant as IPv4: "10.0.0.256" must not become a name to look up.
  if (/^[0-9.]+$/.test(host)) return isIPv4(host) ? host : undefined;
  return namePattern.test(host) ? host : undefined;
}

/** One spelling for each IPv6 address, so that the same worker cannot be listed twice unnoticed. */
function ipv6Host(host: string): string | undefined {
  if (!isIPv6(host)) return undefined;
  if (host.includes("%")) return host;
  return new URL(`http://[${host}]`).hostname.slice(1, -1);
}

/** "10.0.0.5:7070", "[::1]:7070": what `parseAddress` reads. */
export function formatAddress(address: Address): string {
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** Whether only this machine can reach it. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIPv4(host) && host.startsWith("127."));
}

/** Where a port that listens on `host` is reached from IPv4's loopback addresses; undefined when it is not, or when only the system could say. */
export function throughLoopback(host: string): string | undefined {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return isIPv4(host) ? host : undefined;
}

/** Whether a Host header names this machine, or there is none. Against DNS rebinding: a page of another site reaches loopback under its own name. */
export function isLoopbackHostHeader(header: string | undefined): boolean {
  return header === undefined || isLoopback(header.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1"));
}

/** What to say to somebody whose text is no address; more when the likely slip is known. */
export function addressHint(text: string): string {
  const unbracketed = /^([0-9a-f:.]*:[0-9a-f:.]*):([0-9]{1,5})$/i.exec(text);
  if (unbracketed?.[1] !== undefined && isIPv6(unbracketed[1])) return `; an IPv6 address goes into brackets: "[${unbracketed[1]}]:${unbracketed[2] ?? ""}"`;
  if (/^[a-z]+:\/\//i.test(text)) return "; leave out the scheme";
  if (!text.includes(":")) return "; the port is missing";
  return "";
}
