/**
 * What `lintel up` is configured with, made into changes of its manager: the languages of the file whenever it changes, or once
 * the built-in ones. What administrators change on top of it stays until the file changes again, and everything is in the
 * history, to be undone. Must not know workers or balancers.
 */
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { systemClock } from "../base/clock.js";
import { messageOf, UserError } from "../base/errors.js";
import type { Logger } from "../base/logger.js";
import { storedLanguages } from "../manager/admin-requests.js";
import type { Manager } from "../manager/manager.js";
import { ConfigurationFile, type ConsumedConfiguration } from "../manager-link/configuration-file.js";
import { type NotReloaded, plainReload, type ReloadOutcome, type ReloadRequest } from "../manager-link/link.js";
import type { Configuration } from "../snapshot/configuration.js";
import { builtinConfiguration, withLanguages } from "./default-configuration.js";

/** Resolves when a revision is active on every shard: with "", or with why it is not. */
export type UntilActive = (revision: number) => Promise<string>;

export interface ConfiguredChangesOptions {
  /** The configuration file; undefined for the built-in configuration. */
  readonly path: string | undefined;
  /**
   * Where it is written down which content of the file was applied, so that a restart does not apply the same one again, over what
   * administrators changed since. Undefined with a store that forgets.
   */
  readonly appliedPath: string | undefined;
}

export class ConfiguredChanges {
  /** For `/status` and the history: "file:lintel.yaml". */
  readonly name: string;
  private untilActive: UntilActive | undefined;

  private constructor(
    /** As it was at the start: where to listen, how many shards, which limits. */
    readonly configuration: Configuration,
    private readonly file: ConfigurationFile | undefined,
    private readonly options: ConfiguredChangesOptions,
    private readonly logger: Logger,
  ) {
    this.name = options.path === undefined ? "built-in" : `file:${options.path}`;
  }

  /** Throws a UserError with every problem in the file. */
  static async open(options: ConfiguredChangesOptions, logger: Logger): Promise<ConfiguredChanges> {
    if (options.path === undefined) return new ConfiguredChanges(builtinConfiguration(), undefined, options, logger);
    const file = new ConfigurationFile({ path: options.path, role: "up", clock: systemClock, logger });
    return new ConfiguredChanges(withLanguages(await file.load()), file, options, logger);
  }

  /** Makes the first change, if there is anything to change, and watches the file from then on. Throws a UserError when it is refused. */
  async start(manager: Manager): Promise<void> {
    if (this.file !== undefined) await this.file.start((configuration, _revision, request) => this.apply(manager, withLanguages(configuration), request));
    // What is stored already is what somebody made of the built-in configuration.
    else if (manager.current.revision === 0) {
      const outcome = await this.apply(manager, this.configuration);
      if (outcome.kind !== "applied") throw new UserError("reason" in outcome ? outcome.reason : "the built-in configuration was not applied");
    }
  }

  /** From here on a change of the file is done when it is active. */
  whenActive(untilActive: UntilActive): void {
    this.untilActive = untilActive;
  }

  async reload(manager: Manager, request = plainReload): Promise<ReloadOutcome> {
    if (this.file === undefined) return { kind: "refused", problems: ["lintel up runs without a file; start it with --config FILE to have one to reload"] };
    const outcome = await this.file.reload(request);
    return outcome.kind === "refused" ? outcome : { ...outcome, revision: manager.current.revision };
  }

  /** No change from here on. */
  async stop(): Promise<void> {
    await this.file?.stop();
  }

  private async apply(manager: Manager, { languages }: Configuration, { reason, ifRevision, dryRun }: ReloadRequest = plainReload): Promise<ConsumedConfiguration | NotReloaded | { readonly kind: "refused"; readonly reason: string }> {
    const content = createHash("sha256").update(JSON.stringify(languages)).digest("hex");
    const { revision } = manager.current;
    const atStart = this.untilActive === undefined;
    if (atStart && revision > 0 && (await this.appliedBefore()) === content) return { kind: "applied", revision, late: "" };
    const outcome = await manager.change({ change: { kind: "replace", languages: storedLanguages(languages) }, who: this.name, reason, requestId: "", ifRevision, dryRun });
    if (outcome.kind === "refused") return { kind: outcome.why === "conflict" ? "conflict" : "refused", revision: manager.current.revision, reason: outcome.message };
    if (dryRun) return { kind: "planned", revision: outcome.revision, differences: outcome.differences };
    for (const warning of outcome.warnings) this.logger.warn(warning);
    await this.remember(content);
    const late = (await this.untilActive?.(outcome.revision)) ?? "";
    if (late !== "") this.logger.warn("the configuration is stored, and not active everywhere yet", { revision: outcome.revision, reason: late });
    return { kind: "applied", revision: outcome.revision, late };
  }

  private async appliedBefore(): Promise<string> {
    const { appliedPath } = this.options;
    if (appliedPath === undefined) return "";
    return readFile(appliedPath, "utf8").then((text) => text.trim(), () => "");
  }

  private async remember(content: string): Promise<void> {
    const { appliedPath } = this.options;
    if (appliedPath === undefined) return;
    try {
      await writeFile(appliedPath, `${content}\n`);
    } catch (thrown) {
      this.logger.warn("it cannot be written down that the file was applied; it will be again at the next start", { file: appliedPath, reason: messageOf(thrown) });
    }
  }
}
