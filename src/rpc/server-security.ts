/**
 * How a manager proves who it is and what proof it asks for: TLS, client certificates, tokens; all from files. Must not know
 * what is served.
 */
import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import { ServerCredentials } from "@grpc/grpc-js";
import type { Clock } from "../base/clock.js";
import { codeOf, messageOf, UserError } from "../base/errors.js";
import type { Logger } from "../base/logger.js";
import type { PeerCertificates } from "../base/peer-certificates.js";
import { AccessList } from "./access-list.js";
import { Gate } from "./gate.js";
import { peerServerCredentials } from "./mutual-tls.js";

/** Files as an operator names them. None: no encryption, and everybody is let in, which is for loopback alone. */
export interface ServerSecurityOptions {
  /** PEM: the server's certificate, with those between it and the authority behind it. */
  readonly certificateFile?: string;
  readonly keyFile?: string;
  /** PEM: with it every client must show a certificate of this authority. */
  readonly clientCaFile?: string;
  /** Certificates on both sides (mutual-tls.ts), instead of the three files: every certificate of the authority is let in. */
  readonly peers?: PeerCertificates;
  /** Who may do what (access-list.ts). */
  readonly tokensFile?: string;
}

export interface ServerSecurity {
  readonly credentials: ServerCredentials;
  readonly gate: Gate;
  readonly encrypted: boolean;
  /** Whether callers must prove who they are. */
  readonly authenticated: boolean;
  readonly close: () => void;
}

/** Throws a UserError when a file cannot be used, or what is given does not fit together. */
export async function serverSecurity(options: ServerSecurityOptions, clock: Clock, logger: Logger): Promise<ServerSecurity> {
  const { peers, clientCaFile, tokensFile } = options;
  const credentials = peers === undefined ? await serverCredentials(options) : peerServerCredentials(peers);
  const encrypted = peers !== undefined || options.certificateFile !== undefined;
  const accessList = tokensFile === undefined ? undefined : await AccessList.open(tokensFile, clock, logger);
  const certificates = peers !== undefined || clientCaFile !== undefined;
  const gate = new Gate({ certificates, ...(peers !== undefined && { roleOfPeers: "fleet" }), ...(accessList === undefined ? {} : { accessList }) }, clock, logger);
  return { credentials, gate, encrypted, authenticated: certificates || accessList !== undefined, close: () => accessList?.close() };
}

async function serverCredentials({ certificateFile, keyFile, clientCaFile }: ServerSecurityOptions): Promise<ServerCredentials> {
  if (certificateFile === undefined && keyFile === undefined) {
    if (clientCaFile !== undefined) throw new UserError("client certificates (--client-ca) are shown over TLS alone; give --tls-cert and --tls-key, too");
    return ServerCredentials.createInsecure();
  }
  if (certificateFile === undefined || keyFile === undefined) throw new UserError("TLS needs both --tls-cert and --tls-key");
  const [cert, key] = [await readPem(certificateFile), await readPem(keyFile)];
  const ca = clientCaFile === undefined ? undefined : await readPem(clientCaFile);
  try {
    createSecureContext({ cert, key, ...(ca === undefined ? {} : { ca }) });
  } catch (thrown) {
    throw new UserError(`the certificate ${certificateFile} and the key ${keyFile}${clientCaFile === undefined ? "" : `, or the authority ${clientCaFile},`} cannot be used: ${messageOf(thrown)}; expected PEM files that belong together`);
  }
  return ServerCredentials.createSsl(ca ?? null, [{ cert_chain: cert, private_key: key }], ca !== undefined);
}

async function readPem(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (thrown) {
    throw new UserError(`the file ${file} cannot be read: ${codeOf(thrown) === "ENOENT" ? "there is no such file" : messageOf(thrown)}`);
  }
}
