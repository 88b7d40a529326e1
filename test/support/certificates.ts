/** Certificates for a test, made by openssl: an authority, a server's for 127.0.0.1, clients'. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

export interface CertificateFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

export class CertificateAuthority {
  readonly caFile: string;
  private readonly keyFile: string;

  constructor(
    private readonly folder: string,
    name = "authority",
  ) {
    this.caFile = join(folder, `${name}.crt`);
    this.keyFile = join(folder, `${name}.key`);
    openssl("req", "-x509", ...newKey, "-keyout", this.keyFile, "-out", this.caFile, "-subj", `/CN=${name}`, "-days", "2");
  }

  /** `subject` as openssl writes it: "/CN=alice/OU=operator". */
  issue(name: string, subject: string): CertificateFiles {
    const [certificateFile, keyFile, request, extensions] = ["crt", "key", "csr", "ext"].map((ending) => join(this.folder, `${name}.${ending}`)) as [string, string, string, string];
    openssl("req", ...newKey, "-keyout", keyFile, "-out", request, "-subj", subject);
    writeFileSync(extensions, "subjectAltName=IP:127.0.0.1,DNS:localhost\n");
    openssl("x509", "-req", "-in", request, "-CA", this.caFile, "-CAkey", this.keyFile, "-CAcreateserial", "-out", certificateFile, "-days", "2", "-extfile", extensions);
    return { certificateFile, keyFile };
  }
}

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

function openssl(...args: readonly string[]): void {
  execFileSync("openssl", args, { stdio: ["ignore", "ignore", "pipe"] });
}
