/** The files behind the users' port that are read again while it is open: its certificate. What `lintel balancer` and `lintel up` do with them alike. */
import type { Balancer } from "../balancer/balancer.js";
import { type CheckedCertificate, followCertificate } from "../balancer/certificate-files.js";
import type { FollowedFiles } from "../balancer/followed-files.js";
import { describeCertificate } from "../balancer/metrics.js";
import { LinkWithFiles } from "../balancer/reload-files.js";
import { systemClock } from "../base/clock.js";
import type { Logger } from "../base/logger.js";
import type { ManagerLink } from "../manager-link/link.js";
import type { Exposition } from "../metrics/exposition.js";
import type { Configuration } from "../snapshot/configuration.js";

export class PortFiles {
  private constructor(private readonly certificate: FollowedFiles<CheckedCertificate> | undefined) {}

  /** Throws a UserError with what is wrong with one of them. */
  static async open({ http: { tls } }: Configuration, logger: Logger): Promise<PortFiles> {
    return new PortFiles(tls.cert === "" ? undefined : await followCertificate(tls, systemClock, logger));
  }

  /** Before the port opens; from then on they are followed. Throws a UserError when one cannot be used. */
  async start(balancer: Balancer): Promise<void> {
    await this.certificate?.start((certificate) => balancer.renewCertificate(certificate));
  }

  /** The link, whose reload reads them, too. */
  reloadedWith(link: ManagerLink): ManagerLink {
    const files = this.certificate === undefined ? [] : [this.certificate];
    return files.length === 0 ? link : new LinkWithFiles(link, files);
  }

  describe(metrics: Exposition): void {
    const { certificate } = this;
    if (certificate !== undefined) describeCertificate(metrics, () => certificate.value.expiresAtMs);
  }

  async stop(): Promise<void> {
    await this.certificate?.stop();
  }
}
