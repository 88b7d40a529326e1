/**
 * How balancers, workers and managers prove to each other who they are: a folder with the certificate of an authority that is for
 * this service alone, and a certificate and key made by it. Must not know who connects to whom.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createSecureContext } from "node:tls";
import { codeOf, messageOf, UserError } from "./errors.js";

/** PEM texts. */
export interface PeerCertificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** What is read with `--mutual-tls FOLDER`. */
export interface PeerFolder extends PeerCertificates {
  /** Absolute, for the workers that this process starts. */
  readonly folder: string;
}

/** All peers speak our version, so nothing older is needed. */
export const peerTlsVersionMin = "TLSv1.3";

/** The names are those of a Kubernetes TLS secret. Throws a UserError when a file is missing or cannot be used. */
export function readPeerFolder(folder: string): PeerFolder {
  const [ca, cert, key] = ["ca.crt", "tls.crt", "tls.key"].map((name) => {
    try {
      return readFileSync(join(folder, name), "utf8");
    } catch (thrown) {
      throw new UserError(`--mutual-tls ${folder}: ${name} cannot be read: ${codeOf(thrown) === "ENOENT" ? "there is no such file" : messageOf(thrown)}; expected ca.crt, tls.crt and tls.key (PEM)`);
    }
  }) as [string, string, string];
  try {
    createSecureContext({ ca, cert, key });
  } catch (thrown) {
    throw new UserError(`--mutual-tls ${folder}: its files cannot be used: ${messageOf(thrown)}; expected ca.crt, tls.crt and tls.key (PEM) that belong together`);
  }
  return { ca, cert, key, folder: resolve(folder) };
}

/** Changes with the certificates, and says nothing of the key. */
export function peerFingerprint({ ca, cert, key }: PeerCertificates): string {
  return createHash("sha256").update(JSON.stringify([ca, cert, key])).digest("hex").slice(0, 32);
}
