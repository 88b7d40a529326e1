/** The users' port's certificate and key as an operator's files have them, checked. Must not know who serves with them. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import type { Clock } from "../base/clock.js";
import { messageOf, UserError } from "../base/errors.js";
import type { Logger } from "../base/logger.js";
import type { Certificate } from "../shard/messages.js";
import { FollowedFiles } from "./followed-files.js";

export interface CheckedCertificate extends Certificate {
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
  /** "CN=lintel.example.org" */
  readonly subject: string;
}

export interface CertificatePaths {
  readonly cert: string;
  readonly key: string;
}

/** Throws a UserError with one sentence. */
export async function followCertificate({ cert, key }: CertificatePaths, clock: Clock, logger: Logger): Promise<FollowedFiles<CheckedCertificate>> {
  const files = await FollowedFiles.open<CheckedCertificate>({
    what: "certificate",
    paths: [cert, key],
    parse: ([certBytes, keyBytes], isFirst) => checked(String(certBytes), String(keyBytes), { cert, key }, isFirst ? undefined : clock.wallMs()),
    describe: ({ subject, expiresAtMs }) => ({ file: cert, subject, expires: new Date(expiresAtMs).toISOString() }),
    clock,
    logger,
  });
  // One that has run out is still better than a service that does not start again.
  if (files.value.expiresAtMs < clock.wallMs()) logger.error("the certificate of the users' port has expired; clients will refuse it", { file: cert });
  return files;
}

/** `nowMs`: refuse what has expired by then. */
function checked(cert: string, key: string, paths: CertificatePaths, nowMs: number | undefined): CheckedCertificate {
  const [first, ...others] = cert.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (first === undefined) throw new UserError(`${paths.cert}: there is no PEM certificate in it; expected the server's, and behind it those between it and its authority`);
  const leaf = certificateOf(first, paths.cert);
  for (const other of others) certificateOf(other, paths.cert);
  const privateKey = privateKeyOf(key, paths.key);
  if (!leaf.checkPrivateKey(privateKey)) throw new UserError(`the key ${paths.key} does not belong to the first certificate in ${paths.cert}; expected PEM files that belong together`);
  const expiresAtMs = Date.parse(leaf.validTo);
  if (nowMs !== undefined && expiresAtMs < nowMs) throw new UserError(`${paths.cert}: this certificate has expired (${leaf.validTo})`);
  return { cert, key, expiresAtMs, subject: leaf.subject.split("\n").join(", ") };
}

function certificateOf(pem: string, path: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (thrown) {
    throw new UserError(`${path}: a certificate in it cannot be read (${messageOf(thrown)}); expected PEM`);
  }
}

function privateKeyOf(pem: string, path: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (thrown) {
    const why = pem.includes("ENCRYPTED") ? "it is encrypted" : messageOf(thrown);
    throw new UserError(`${path}: no private key can be read from it (${why}); expected one in PEM, without a passphrase`);
  }
}
