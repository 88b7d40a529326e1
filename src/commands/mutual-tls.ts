/**
 * `--mutual-tls FOLDER`, the one option with which balancers, workers, managers and administrators prove to each other who they are.
 * Must not know what is asked over their connections.
 */
import { type Command, Option } from "commander";
import { type PeerFolder, readPeerFolder } from "../base/peer-certificates.js";
import { UserError } from "../base/errors.js";

export interface MutualTlsFlags {
  readonly mutualTls?: string;
}

/** The flags that say one by one what the folder says at once. */
const separateFlags = { tls: "--tls", tlsCa: "--tls-ca", tlsCert: "--tls-cert", tlsKey: "--tls-key", clientCa: "--client-ca" } as const;

export function withMutualTlsFlag(command: Command): Command {
  return command.addOption(new Option("--mutual-tls <dir>", "balancers, workers and managers prove to each other who they are: a folder with ca.crt, tls.crt and tls.key").env("LINTEL_MUTUAL_TLS"));
}

/** Undefined when it is not asked for. Throws a UserError when the files in the folder cannot be used, or other flags contradict it. */
export function mutualTlsOf(flags: MutualTlsFlags & Partial<Record<keyof typeof separateFlags, string | boolean>>): PeerFolder | undefined {
  const { mutualTls } = flags;
  if (mutualTls === undefined) return undefined;
  for (const [name, flag] of Object.entries(separateFlags)) {
    const given = flags[name as keyof typeof separateFlags];
    if (given !== undefined && given !== false) throw new UserError(`--mutual-tls and ${flag}: the folder of --mutual-tls has the authority, the certificate and the key for every connection; give one of the two`);
  }
  return readPeerFolder(mutualTls);
}
