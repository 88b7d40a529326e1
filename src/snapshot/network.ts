/** Networks as operators write them: "10.0.0.0/8". Must not know what they are for. */
import { isIPv4, isIPv6 } from "node:net";

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
