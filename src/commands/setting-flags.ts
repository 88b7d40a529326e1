/** Flags that override settings of a configuration: where to listen, and how many shards. */
import type { Command } from "commander";
import { UserError } from "../base/errors.js";
import { type Address, addressHint, parseAddress } from "../snapshot/address.js";
import type { Configuration } from "../snapshot/configuration.js";

export interface SettingFlags {
  readonly listen?: string;
  readonly admin?: string;
  readonly shards?: string;
}

export function withSettingFlags(command: Command): Command {
  return command
    .option("--listen <host:port>", "where users connect (default 127.0.0.1:8080)")
    .option("--admin <host:port>", "where status and metrics are served (default 127.0.0.1:9901)")
    .option("--shards <number>", "threads that serve users (default one per core)");
}

/** Throws a UserError when a flag makes no sense. */
export function withSettings(configuration: Configuration, { listen, admin, shards }: SettingFlags): Configuration {
  return {
    ...configuration,
    ...(listen !== undefined && { http: { ...configuration.http, listen: addressOf(listen, "--listen") } }),
    ...(admin !== undefined && { admin: { listen: addressOf(admin, "--admin") } }),
    ...(shards !== undefined && { shards: shardsOf(shards) }),
  };
}

/** Port 0 lets the system choose. Throws a UserError that names the flag. */
export function addressOf(text: string, flag: string): Address {
  const address = parseAddress(text, { portZero: true });
  if (address === undefined) throw new UserError(`${flag} ${text}: expected an address such as 127.0.0.1:8080${addressHint(text)}`);
  return address;
}

function shardsOf(text: string): number {
  const shards = Number(text);
  if (!Number.isInteger(shards) || shards < 1 || shards > 256) throw new UserError(`--shards ${text}: expected a whole number from 1 to 256`);
  return shards;
}
