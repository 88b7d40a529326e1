/**
 * One configuration file that is kept applied: read, watched, read again on demand. Its consumer gets every
 * new content that is valid; a bad one changes nothing and is reported. Must not know what the consumer does
 * with a configuration.
 */
import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { assert } from "../base/assert.js";
import type { Clock } from "../base/clock.js";
import { messageOf, UserError } from "../base/errors.js";
import { FileWatch } from "../base/file-watch.js";
import type { Logger } from "../base/logger.js";
import { type Configuration, parseConfiguration } from "../snapshot/configuration.js";
import { snapshotOf } from "../snapshot/configured-snapshot.js";
import type { ConfigurationRole } from "../snapshot/cross-checks.js";
import { diffSnapshots, renderDiff } from "../snapshot/diff.js";
import { renderProblem } from "../snapshot/problem.js";
import { changedSettings } from "../snapshot/settings.js";
import { defaultReadOptions, readConfigurationText } from "./configuration-reading.js";
import { type ApplyOutcome, type NotReloaded, plainReload, type ReloadOutcome, type ReloadRequest } from "./link.js";

/**
 * Makes a configuration active, completely or not at all. `revision` is the number it will have when it succeeds, unless the
 * consumer counts itself and answers with its own.
 */
export type ConfigurationConsumer = (configuration: Configuration, revision: number, request: ReloadRequest) => Promise<ApplyOutcome | ConsumedConfiguration | NotReloaded>;

export interface ConsumedConfiguration {
  readonly kind: "applied";
  readonly revision: number;
  /** Why it is not active on every shard yet; "" when it is. */
  readonly late: string;
}

export interface ConfigurationFileOptions {
  readonly path: string;
  /** A "balancer" refuses `run`. */
  readonly role: ConfigurationRole;
  readonly clock: Clock;
  readonly logger: Logger;
  /**
   * Settings that the consumer changes while running, as beginnings of their paths ("limits."). A change of
   * any other is answered with a warning that it waits for a restart. None when not given.
   */
  readonly liveSettings?: readonly string[];
  /** Longer than any pause of an editor or `cp` between truncating and writing; short enough to feel immediate. */
  readonly settleMs?: number;
  /** Two stat calls; how late a change is noticed that sends no event. */
  readonly pollMs?: number;
  /** See ReadOptions. */
  readonly fileBytesMax?: number;
}

interface Loaded {
  readonly hash: string;
  readonly configuration: Configuration;
  readonly warnings: readonly string[];
}

type LoadOutcome = { readonly kind: "loaded"; readonly loaded: Loaded } | { readonly kind: "refused"; readonly key: string; readonly problems: readonly string[] };

export class ConfigurationFile {
  /** Of the configuration that is active: counted here, or by the consumer. */
  private revision = 0;
  private active: Loaded | undefined;
  /** The settings this process runs with: those of its first configuration. */
  private running: Configuration | undefined;
  /** The content that was last refused: reported once, however often it is looked at. */
  private refusedKey: string | undefined;
  private consume: ConfigurationConsumer | undefined;
  private watch: FileWatch | undefined;
  /** One look at the file at a time, in the order they were asked for. */
  private queue: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: ConfigurationFileOptions) {}

  /** The content now, for what must be known before anything can be applied. Throws a UserError with every problem. */
  async load(): Promise<Configuration> {
    const outcome = await this.read();
    if (outcome.kind === "refused") throw new UserError(joinProblems(outcome.problems));
    this.running ??= outcome.loaded.configuration;
    return outcome.loaded.configuration;
  }

  /** Applies the content as revision 1 and keeps watching. Throws a UserError when it is bad or the consumer refuses it. */
  async start(consume: ConfigurationConsumer): Promise<void> {
    assert(this.consume === undefined, "a configuration file is started once");
    this.consume = consume;
    this.watch = new FileWatch({
      path: this.options.path,
      clock: this.options.clock,
      logger: this.options.logger,
      settleMs: this.options.settleMs ?? 100,
      pollMs: this.options.pollMs ?? 2_000,
      onChange: () => void this.inTurn(() => this.examine("watch")),
    });
    await this.watch.start();
    const outcome = await this.inTurn(() => this.examine("start"));
    if (outcome.kind === "refused") {
      await this.stop();
      throw new UserError(joinProblems(outcome.problems));
    }
  }

  /** Reads the file now. A content that was refused before is tried again. */
  reload(request = plainReload): Promise<ReloadOutcome> {
    assert(this.consume !== undefined, "a configuration file is reloaded after it was started");
    return this.inTurn(() => this.examine("reload", request));
  }

  /** Resolves when no look at the file is going on any more. */
  async stop(): Promise<void> {
    this.watch?.stop();
    await this.queue;
  }

  private inTurn<T>(look: () => Promise<T>): Promise<T> {
    const result = this.queue.then(look);
    this.queue = result.catch(() => undefined);
    return result;
  }

  private async read(): Promise<LoadOutcome> {
    const { path, role, fileBytesMax = defaultReadOptions.fileBytesMax } = this.options;
    const outcome = await readConfigurationText(path, { fileBytesMax, regularOnly: true });
    if (outcome.kind === "unreadable") {
      const problem = renderProblem(outcome.problem);
      return { kind: "refused", key: problem, problems: [problem] };
    }
    const hash = createHash("sha256").update(outcome.text).digest("hex");
    if (hash === this.active?.hash) return { kind: "loaded", loaded: this.active };
    const parsed = parseConfiguration(outcome.text, path, { role });
    if (parsed.kind === "invalid") return { kind: "refused", key: hash, problems: parsed.problems.map(renderProblem) };
    return { kind: "loaded", loaded: { hash, configuration: parsed.configuration, warnings: parsed.warnings.map(renderProblem) } };
  }

  private async examine(why: "start" | "watch" | "reload", request = plainReload): Promise<ReloadOutcome> {
    const outcome = await this.read();
    if (outcome.kind === "refused") return this.refuse(why, outcome.key, outcome.problems);
    const { loaded } = outcome;
    if (this.active !== undefined && isDeepStrictEqual(loaded.configuration, this.active.configuration)) {
      if (this.refusedKey !== undefined) this.options.logger.info("the configuration file says again what is active", { file: this.options.path, revision: this.revision });
      this.refusedKey = undefined;
      this.active = loaded;
      return { kind: "unchanged", revision: this.revision };
    }
    // The consumer had its reasons, and nobody asked to try again.
    if (why === "watch" && this.refusedKey === loaded.hash) return { kind: "unchanged", revision: this.revision };
    const applied = await this.apply(loaded.configuration, request);
    if (applied.kind === "planned" || applied.kind === "conflict") return applied;
    if (applied.kind === "refused") return this.refuse(why, loaded.hash, [`${this.options.path}: not applied: ${applied.reason}`]);
    return "revision" in applied ? this.accept(loaded, applied.revision, applied.late) : this.accept(loaded, this.revision + 1, "");
  }

  private async apply(configuration: Configuration, request: ReloadRequest): Promise<ApplyOutcome | ConsumedConfiguration | NotReloaded> {
    assert(this.consume !== undefined, "a configuration is applied after the start");
    try {
      return await this.consume(configuration, this.revision + 1, request);
    } catch (thrown) {
      return { kind: "refused", reason: messageOf(thrown) };
    }
  }

  private accept(loaded: Loaded, revision: number, late: string): ReloadOutcome {
    const { logger, path } = this.options;
    const before = this.active?.configuration;
    this.revision = revision;
    this.active = loaded;
    this.refusedKey = undefined;
    this.running ??= loaded.configuration;
    const warnings = [...loaded.warnings, ...this.restartWarnings(this.running, loaded.configuration)];
    const changes = before === undefined ? [] : diffSnapshots(snapshotOf(before, 0, 0), snapshotOf(loaded.configuration, 0, 0));
    logger.info("configuration applied", { file: path, revision: this.revision, ...(changes.length === 0 ? {} : { changes: renderDiff(changes) }) });
    for (const warning of warnings) logger.warn(warning);
    return { kind: "applied", revision: this.revision, warnings, late };
  }

  private refuse(why: "start" | "watch" | "reload", key: string, problems: readonly string[]): ReloadOutcome {
    // At the start the problems are thrown, and end the process.
    const news = why === "reload" || (why === "watch" && this.refusedKey !== key);
    this.refusedKey = key;
    if (news) {
      for (const problem of problems) this.options.logger.error(problem);
      this.options.logger.error("the configuration file was refused; the configuration before it stays active", { file: this.options.path, revision: this.revision });
    }
    return { kind: "refused", problems };
  }

  private restartWarnings(running: Configuration, wanted: Configuration): string[] {
    const live = this.options.liveSettings ?? [];
    return changedSettings(running, wanted)
      .filter((change) => !live.some((beginning) => change.path.startsWith(beginning)))
      .map((change) => `${this.options.path}: ${change.path}: the file says ${change.after}, this process goes on with ${change.before}; restart it for the change`);
  }
}

function joinProblems(problems: readonly string[]): string {
  return problems.join("\n");
}
