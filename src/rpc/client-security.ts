/**
 * How a caller of a manager proves who it is and knows whom it talks to: TLS and a token, from files. Must not know what is
 * called.
 */
import { readFileSync } from "node:fs";
import { ChannelCredentials } from "@grpc/grpc-js";
import { codeOf, messageOf, UserError } from "../base/errors.js";
import type { PeerCertificates } from "../base/peer-certificates.js";
import { peerChannelCredentials } from "./mutual-tls.js";

/** What an operator names; none of them given: no encryption and no token, which a manager allows on loopback alone. */
export interface ClientSecurityOptions {
  /** With the system's certificate authorities, unless `caFile` names others. */
  readonly tls: boolean;
  /** Certificates on both sides (mutual-tls.ts), instead of the files. */
  readonly peers?: PeerCertificates;
  readonly caFile?: string;
  readonly certificateFile?: string;
  readonly keyFile?: string;
  readonly tokenFile?: string;
  /** From the environment. The file wins. */
  readonly token?: string;
}

export interface ClientSecurity {
  readonly credentials: ChannelCredentials;
  readonly encrypted: boolean;
  /** "" for none. */
  readonly token: string;
}

/** Throws a UserError when a file cannot be read or what is given does not fit together. */
export function clientSecurity(options: ClientSecurityOptions): ClientSecurity {
  const { caFile, certificateFile, keyFile, tokenFile } = options;
  if ((certificateFile === undefined) !== (keyFile === undefined)) throw new UserError("a client certificate needs both --tls-cert and --tls-key");
  const token = tokenFile === undefined ? (options.token ?? "").trim() : tokenIn(tokenFile);
  if (options.peers !== undefined) return { credentials: peerChannelCredentials(options.peers), encrypted: true, token };
  const encrypted = options.tls || caFile !== undefined || certificateFile !== undefined;
  if (!encrypted) return { credentials: ChannelCredentials.createInsecure(), encrypted, token };
  const read = (file: string | undefined): Buffer | null => (file === undefined ? null : readSecret(file));
  try {
    return { credentials: ChannelCredentials.createSsl(read(caFile), read(keyFile), read(certificateFile)), encrypted, token };
  } catch (thrown) {
    if (thrown instanceof UserError) throw thrown;
    throw new UserError(`the certificates or the key cannot be used (${messageOf(thrown)}); expected PEM files in --tls-ca, --tls-cert and --tls-key`);
  }
}

function tokenIn(file: string): string {
  const token = readSecret(file).toString("utf8").trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new UserError(`the token file ${file} ${token === "" ? "is empty" : "holds more than one word"}; expected one token, and nothing else, in it`);
}

function readSecret(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (thrown) {
    throw new UserError(`the file ${file} cannot be read: ${codeOf(thrown) === "ENOENT" ? "there is no such file" : messageOf(thrown)}`);
  }
}
