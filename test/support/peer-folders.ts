/** Folders as `--mutual-tls` takes them, of one authority. */
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { CertificateAuthority } from "./certificates.js";

/** `subject` as openssl writes it; "/CN=" and the name when it is not given. */
export function peerFolder(folder: string, authority: CertificateAuthority, name: string, subject = `/CN=${name}`): string {
  const path = join(folder, `${name}.d`);
  mkdirSync(path);
  const { certificateFile, keyFile } = authority.issue(name, subject);
  copyFileSync(authority.caFile, join(path, "ca.crt"));
  copyFileSync(certificateFile, join(path, "tls.crt"));
  copyFileSync(keyFile, join(path, "tls.key"));
  return path;
}
