/** `--metrics` and `--metrics-token-file`: a port for a scraper, of a manager or a balancer. */
import type { Command } from "commander";
import { systemClock, type Timer } from "../base/clock.js";
import { codeOf, messageOf, UserError } from "../base/errors.js";
import type { Logger } from "../base/logger.js";
import type { Exposition } from "../metrics/exposition.js";
import { MetricsServer } from "../metrics/metrics-server.js";
import { ScraperToken } from "../metrics/scraper-token.js";
import { type Address, formatAddress } from "../snapshot/address.js";
import { addressOf } from "./setting-flags.js";

export interface MetricsFlags {
  readonly metrics?: string;
  readonly metricsTokenFile?: string;
}

export function withMetricsFlags(command: Command): Command {
  return command
    .option("--metrics <host:port>", "serve metrics there; beyond loopback only with a token (default: nowhere)")
    .option("--metrics-token-file <file>", "what a scraper must show (Authorization: Bearer): one word of at least 16 characters");
}

/** How soon a port is tried again that a predecessor still has. */
const againMs = 200;

export class MetricsPort {
  private server: MetricsServer | undefined;
  private again: Timer | undefined;

  private constructor(
    private readonly address: Address | undefined,
    private readonly token: ScraperToken | undefined,
  ) {}

  /** Throws a UserError when a flag makes no sense; nothing is open yet. */
  static async from({ metrics, metricsTokenFile }: MetricsFlags): Promise<MetricsPort> {
    if (metrics === undefined && metricsTokenFile !== undefined) throw new UserError("--metrics-token-file is for the port of --metrics; add --metrics HOST:PORT, or leave it out");
    return new MetricsPort(metrics === undefined ? undefined : addressOf(metrics, "--metrics"), metricsTokenFile === undefined ? undefined : await ScraperToken.open(metricsTokenFile));
  }

  /** Undefined when none is open. */
  get port(): number | undefined {
    return this.server?.port;
  }

  /** Throws a UserError when it may not or cannot listen there; nothing happens where no port was asked for. */
  async open(exposition: Exposition): Promise<void> {
    if (this.address === undefined) return;
    const server = new MetricsServer(exposition, this.token);
    await server.listen(this.address);
    this.server = server;
  }

  /** For a successor: the predecessor has the port until it leaves, and users need not wait for that. */
  async openWhenFree(exposition: Exposition, logger: Logger): Promise<void> {
    if (this.address === undefined) return;
    const server = new MetricsServer(exposition, this.token);
    const failure = await server.tryListen(this.address);
    if (failure === undefined) this.server = server;
    else {
      if (codeOf(failure) !== "EADDRINUSE") logger.error("metrics cannot be served; trying again", { address: formatAddress(this.address), reason: messageOf(failure) });
      this.again = systemClock.after(againMs, () => void this.openWhenFree(exposition, logger));
    }
  }

  async close(): Promise<void> {
    systemClock.clear(this.again);
    await this.server?.close();
    this.server = undefined;
  }
}
