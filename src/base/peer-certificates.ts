/**
 * How balancers and workers prove to each other who they are: a folder with the certificate of an authority that is for this service
 * alone, and a certificate and key made by it. Must not know who connects to whom.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import { codeOf, messageOf, UserError } from "./errors.js";

/** PEM texts. */
export interface PeerCertificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Also for the workers that a process starts: they have its environment. */
export const workerTlsVariable = "LINTEL_WORKER_TLS";

/** The names are those of a Kubernetes TLS secret. Throws a UserError when a file is missing or cannot be used. */
export function readPeerCertificates(folder: string): PeerCertificates {
  const [ca, cert, key] = ["ca.crt", "tls.crt", "tls.key"].map((name) => {
    try {
      return readFileSync(join(folder, name), "utf8");
    } catch (thrown) {
      throw new UserError(`--worker-tls ${folder}: ${name} cannot be read: ${codeOf(thrown) === "ENOENT" ? "there is no such file" : messageOf(thrown)}; expected ca.crt, tls.crt and tls.key (PEM)`);
    }
  }) as [string, string, string];
  try {
    createSecureContext({ ca, cert, key });
  } catch (thrown) {
    throw new UserError(`--worker-tls ${folder}: its files cannot be used: ${messageOf(thrown)}; expected ca.crt, tls.crt and tls.key (PEM) that belong together`);
  }
  return { ca, cert, key };
}
