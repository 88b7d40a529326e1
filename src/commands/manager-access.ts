/**
 * How a balancer or a worker proves to a manager who it is: the flags for it, and what becomes of them. Must not know what
 * is asked of the manager. Loads gRPC only when it is needed.
 */
import { type Command, Option } from "commander";
import { UserError } from "../base/errors.js";
import type { ClientSecurity } from "../rpc/client-security.js";
import { addressHint, type Address, formatAddress, isLoopback, parseAddress } from "../snapshot/address.js";
import { type MutualTlsFlags, mutualTlsOf, withMutualTlsFlag } from "./mutual-tls.js";

export interface ManagerAccessFlags extends MutualTlsFlags {
  readonly tokenFile?: string;
  readonly tls: boolean;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

export interface ManagerAccess {
  /** "host:port" of every manager. */
  readonly managers: readonly string[];
  readonly security: ClientSecurity;
}

export function withManagerAccess(command: Command): Command {
  return withMutualTlsFlag(command)
    .addOption(new Option("--token-file <file>", "for a manager that asks who one is: a file with a token (or LINTEL_TOKEN in the environment)").env("LINTEL_TOKEN_FILE"))
    .option("--tls", "to the manager encrypted, trusting the system's certificate authorities", false)
    .addOption(new Option("--tls-ca <file>", "to the manager encrypted, trusting this certificate authority").env("LINTEL_TLS_CA"))
    .addOption(new Option("--tls-cert <file>", "the certificate to show to the manager").env("LINTEL_TLS_CERT"))
    .addOption(new Option("--tls-key <file>", "its key").env("LINTEL_TLS_KEY"));
}

/** `text` is "HOST:PORT[,HOST:PORT…]", as given with `flag`. Throws a UserError when anything of it makes no sense. */
export async function managerAccess(flag: string, text: string, flags: ManagerAccessFlags): Promise<ManagerAccess> {
  const { tls, tlsCa, tlsCert, tlsKey, tokenFile } = flags;
  const peers = mutualTlsOf(flags);
  const addresses = text.split(",").map((one) => managerGiven(flag, one.trim()));
  const token = process.env["LINTEL_TOKEN"];
  const { clientSecurity } = await import("../rpc/client-security.js");
  const security = clientSecurity({
    tls,
    ...(peers !== undefined && { peers }),
    ...(tlsCa !== undefined && { caFile: tlsCa }),
    ...(tlsCert !== undefined && { certificateFile: tlsCert }),
    ...(tlsKey !== undefined && { keyFile: tlsKey }),
    ...(tokenFile !== undefined && { tokenFile }),
    ...(token !== undefined && { token }),
  });
  const exposed = security.encrypted || security.token === "" ? undefined : addresses.find(({ host }) => !isLoopback(host));
  if (exposed !== undefined) throw new UserError(`the token would travel readable by everybody to ${formatAddress(exposed)}; use --mutual-tls, --tls or --tls-ca`);
  return { managers: addresses.map(formatAddress), security };
}

function managerGiven(flag: string, text: string): Address {
  const address = parseAddress(text, { portZero: false });
  if (address === undefined) throw new UserError(`${flag} ${text}: expected HOST:PORT, such as 127.0.0.1:9900${addressHint(text)}`);
  return address;
}
