/**
 * The manager link of `lintel up`: a file, or the built-in configuration, whose workers are started on this
 * machine. Must not know of shards.
 */
import { systemClock } from "../base/clock.js";
import type { Logger } from "../base/logger.js";
import { UserError } from "../base/errors.js";
import { ConfigurationFile } from "../manager-link/configuration-file.js";
import type { ManagerLink, ReloadOutcome, SnapshotReceiver } from "../manager-link/link.js";
import type { Configuration } from "../snapshot/configuration.js";
import { builtinConfiguration, withLanguages } from "./default-configuration.js";
import { defaultStandaloneOptions, Standalone } from "./standalone.js";

export class StandaloneLink implements ManagerLink {
  readonly name: string;
  private standalone: Standalone | undefined;

  private constructor(
    readonly configuration: Configuration,
    private readonly file: ConfigurationFile | undefined,
    path: string | undefined,
    private readonly logger: Logger,
  ) {
    this.name = path === undefined ? "built-in" : `file:${path}`;
  }

  /** Throws a UserError with every problem in the file. `path` undefined takes the built-in configuration. */
  static async open(path: string | undefined, logger: Logger): Promise<StandaloneLink> {
    if (path === undefined) return new StandaloneLink(builtinConfiguration(), undefined, undefined, logger);
    const file = new ConfigurationFile({ path, role: "up", clock: systemClock, logger });
    return new StandaloneLink(withLanguages(await file.load()), file, path, logger);
  }

  /** Resolves when the first configuration's workers listen (or are given up for now) and it is active. */
  async start(receiver: SnapshotReceiver): Promise<void> {
    const standalone = new Standalone(receiver, defaultStandaloneOptions, systemClock, this.logger);
    this.standalone = standalone;
    if (this.file !== undefined) {
      await this.file.start((configuration, revision) => standalone.apply(withLanguages(configuration), revision));
      return;
    }
    const outcome = await standalone.apply(this.configuration, 1);
    if (outcome.kind === "refused") throw new UserError(outcome.reason);
  }

  reload(): Promise<ReloadOutcome> {
    if (this.file !== undefined) return this.file.reload();
    return Promise.resolve({ kind: "refused", problems: ["lintel up runs without a file; start it with --config FILE to have one to reload"] });
  }

  /** No new configuration from here on. The workers stay: users may still be served. */
  async stop(): Promise<void> {
    this.standalone?.freeze();
    await this.file?.stop();
  }

  /** Ends the worker processes; resolves when none is left. */
  async stopWorkers(): Promise<void> {
    await this.standalone?.stop();
  }
}
