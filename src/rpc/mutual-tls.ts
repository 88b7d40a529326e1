/** gRPC between peers that prove to each other who they are (--mutual-tls): TLS 1.3, with certificates on both sides. Must not know who calls whom. */
import { createSecureContext } from "node:tls";
import { ChannelCredentials, ServerCredentials } from "@grpc/grpc-js";
import { type PeerCertificates, peerTlsVersionMin } from "../base/peer-certificates.js";

/** Callers without a certificate of the authority do not get as far as a call. */
export function peerServerCredentials(peers: PeerCertificates): ServerCredentials {
  return new PeerServerCredentials(peers);
}

/** The one that is called must be named by its certificate, unless `anyName`: a connection to this process itself. */
export function peerChannelCredentials({ ca, cert, key }: PeerCertificates, { anyName = false } = {}): ChannelCredentials {
  const context = createSecureContext({ ca, cert, key, minVersion: peerTlsVersionMin });
  return ChannelCredentials.createFromSecureContext(context, anyName ? { checkServerIdentity: () => undefined } : {});
}

/** `ServerCredentials.createSsl` with a lowest version, which it does not take. */
class PeerServerCredentials extends ServerCredentials {
  constructor({ ca, cert, key }: PeerCertificates) {
    super({ requestCert: true, rejectUnauthorized: true, minVersion: peerTlsVersionMin }, { ca, cert, key });
  }

  /** Asked of a second server at the same port, which there is not. */
  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}
