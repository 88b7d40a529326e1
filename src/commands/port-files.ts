/**
 * The files behind the users' port that are read again while it is open: its certificate, and who has an API key. What `lintel balancer` and
 * `lintel up` do with them alike.
 */
import { type ApiKey, followApiKeys } from "../balancer/api-key-file.js";
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
  private constructor(
    private readonly certificate: FollowedFiles<CheckedCertificate> | undefined,
    private readonly keys: FollowedFiles<readonly ApiKey[]> | undefined,
  ) {}

  /** Throws a UserError with what is wrong with one of them. */
  static async open({ http: { tls, apiKeys } }: Configuration, logger: Logger): Promise<PortFiles> {
    const certificate = tls.cert === "" ? undefined : await followCertificate(tls, systemClock, logger);
    return new PortFiles(certificate, apiKeys === "" ? undefined : await followApiKeys(apiKeys, systemClock, logger));
  }

  /** Before the port opens; from then on they are followed. Throws a UserError when one cannot be used. */
  async start(balancer: Balancer): Promise<void> {
    await this.certificate?.start((certificate) => balancer.renewCertificate(certificate));
    await this.keys?.start(async (keys) => {
      await balancer.setApiKeys(keys);
      return "";
    });
  }

  /** The link, whose reload reads them, too. */
  reloadedWith(link: ManagerLink): ManagerLink {
    const files = [this.certificate, this.keys].filter((one) => one !== undefined);
    return files.length === 0 ? link : new LinkWithFiles(link, files);
  }

  describe(metrics: Exposition): void {
    const { certificate } = this;
    if (certificate !== undefined) describeCertificate(metrics, () => certificate.value.expiresAtMs);
  }

  async stop(): Promise<void> {
    await Promise.all([this.certificate?.stop(), this.keys?.stop()]);
  }
}
