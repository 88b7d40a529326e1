/** Flags that override settings of a configuration: where to listen, and how many shards. */
import { resolve } from "node:path";
import type { Command } from "commander";
import { UserError } from "../base/errors.js";
import { type Address, addressHint, parseAddress } from "../snapshot/address.js";
import type { Configuration } from "../snapshot/configuration.js";

export interface SettingFlags {
  readonly listen?: string;
  readonly admin?: string;
  readonly shards?: string;
  readonly httpCert?: string;
  readonly httpKey?: string;
  readonly apiKeys?: string;
}

export function withSettingFlags(command: Command): Command {
  return command
    .option("--listen <host:port>", "where users connect (default 127.0.0.1:8080)")
    .option("--admin <host:port>", "where status and metrics are served (default 127.0.0.1:9901)")
    .option("--shards <number>", "threads that serve users (default one per core)")
    .option("--http-cert <file>", "users connect over TLS: its certificate (PEM)")
    .option("--http-key <file>", "its private key (PEM)")
    .option("--api-keys <file>", "linting needs a key: lines of NAME KEY");
}

/** Throws a UserError when a flag makes no sense. */
export function withSettings(configuration: Configuration, { listen, admin, shards, httpCert, httpKey, apiKeys }: SettingFlags): Configuration {
  const tls = tlsOf(configuration.http, httpCert, httpKey);
  return {
    ...configuration,
    http: { ...configuration.http, ...(listen !== undefined && { listen: addressOf(listen, "--listen") }), ...(apiKeys !== undefined && { apiKeys: resolve(apiKeys) }), tls },
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

function tlsOf({ tls }: Configuration["http"], certFlag: string | undefined, keyFlag: string | undefined): Configuration["http"]["tls"] {
  const [cert, key] = [certFlag === undefined ? tls.cert : resolve(certFlag), keyFlag === undefined ? tls.key : resolve(keyFlag)];
  if ((cert === "") !== (key === "")) throw new UserError("TLS needs both --http-cert and --http-key");
  return { cert, key };
}

function shardsOf(text: string): number {
  const shards = Number(text);
  if (!Number.isInteger(shards) || shards < 1 || shards > 256) throw new UserError(`--shards ${text}: expected a whole number from 1 to 256`);
  return shards;
}
