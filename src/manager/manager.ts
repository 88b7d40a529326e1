/**
 * One change at a time: looked at against the newest configuration, asked of the platform, written by compare-and-swap,
 * then told to everybody. Must not know gRPC, balancers, or what stores the configuration.
 */
import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../base/clock.js";
import { messageOf } from "../base/errors.js";
import type { Logger } from "../base/logger.js";
import type { AuditLog } from "./audit-log.js";
import { type Change, type ChangeLimits, type ChangeResult, defaultChangeLimits, type KnownWorker, type Refusal, refused, whatOf } from "./changes/change.js";
import { applyChange } from "./changes/changes.js";
import type { ConfigurationView } from "./configuration-view.js";
import { platformProblems } from "./platform-problems.js";
import type { Platform } from "./platform/platform.js";
import type { Store } from "./store/store.js";
import type { StoredConfiguration, StoredEntry } from "./stored-configuration.js";

export interface ChangeRequest {
  readonly change: Change;
  readonly who: string;
  readonly reason: string;
  /** "": not remembered. */
  readonly requestId: string;
  /** 0: whatever is newest. */
  readonly ifRevision: number;
  readonly dryRun: boolean;
}

export type ChangeOutcome =
  /** `revision` is the newest when nothing had to change, and for a dry run, whose `changed` says whether it would. */
  | { readonly kind: "done"; readonly revision: number; readonly changed: boolean; readonly differences: readonly string[]; readonly warnings: readonly string[] }
  | Refusal;

export interface ManagerParts {
  readonly store: Store;
  readonly platform: Pick<Platform, "refusalOf">;
  readonly audit: AuditLog;
  /** All workers there are, whoever runs them. */
  readonly workers: () => readonly KnownWorker[];
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface ManagerOptions {
  readonly changes: ChangeLimits;
  /** A change takes milliseconds; behind a hundred it is better refused than late. */
  readonly waitingMax: number;
  /** Every lost race is another writer's success; so many in a row mean that something else is wrong. */
  readonly writeAttemptsMax: number;
  /** A platform that is far away answers within a second or not at all. */
  readonly platformTimeoutMs: number;
}

export const defaultManagerOptions: ManagerOptions = { changes: defaultChangeLimits, waitingMax: 100, writeAttemptsMax: 50, platformTimeoutMs: 5_000 };

export class Manager implements ConfigurationView {
  private newest: StoredConfiguration;
  private waiting = 0;
  private queue: Promise<unknown> = Promise.resolve();
  private readonly listeners: ((configuration: StoredConfiguration) => void)[] = [];

  private constructor(
    private readonly parts: ManagerParts,
    private readonly options: ManagerOptions,
    stored: StoredConfiguration,
  ) {
    this.newest = stored;
  }

  /** Reads the store before anything else. Throws a UserError when it cannot be read. */
  static async open(parts: ManagerParts, options: ManagerOptions = defaultManagerOptions): Promise<Manager> {
    const manager = new Manager(parts, options, await parts.store.read());
    await manager.recordWhatIsMissing();
    parts.store.watch((configuration) => manager.adopt(configuration));
    return manager;
  }

  get current(): StoredConfiguration {
    return this.newest;
  }

  onConfiguration(listener: (configuration: StoredConfiguration) => void): void {
    this.listeners.push(listener);
  }

  /** Never rejects. What is done is durable when this resolves, and on its way to the balancers. */
  async change(request: ChangeRequest): Promise<ChangeOutcome> {
    if (this.waiting >= this.options.waitingMax) {
      return refused("unavailable", `${this.waiting} changes are waiting to be made, and more are not taken; try again in a moment`);
    }
    this.waiting += 1;
    const made = this.queue.then(async () => this.recorded(request, await this.make(request)));
    this.queue = made.catch(() => undefined);
    try {
      return await made;
    } catch (thrown) {
      this.parts.logger.error("a change failed unexpectedly", { what: whatOf(request.change), reason: messageOf(thrown) });
      return refused("unavailable", `the change failed: ${messageOf(thrown)}; \`lintel admin history\` shows whether it was made`);
    } finally {
      this.waiting -= 1;
    }
  }

  /** Resolves when the change that is being made is made. */
  async close(): Promise<void> {
    await this.queue;
    await this.parts.store.close();
  }

  private async make(request: ChangeRequest): Promise<ChangeOutcome> {
    let current = await this.readNewest();
    for (let attempt = 1; attempt <= this.options.writeAttemptsMax; attempt++) {
      if ("why" in current) return current;
      const planned = await this.plan(current, request);
      if (planned.kind !== "next") return planned;
      const { next, differences, warnings } = planned;
      if (request.dryRun) return { kind: "done", revision: current.revision, changed: true, differences, warnings };
      const written = await this.parts.store.write(current.revision, next);
      switch (written.kind) {
        case "written":
          this.adopt(next);
          return { kind: "done", revision: next.revision, changed: true, differences, warnings };
        case "conflict":
          // The next attempt looks at what the other one wrote.
          current = this.adopted(written.current);
          break;
        case "too-large":
          return refused("too-large", written.reason);
        case "failed":
          return this.afterFailure(next, written.reason, { differences, warnings });
      }
    }
    return refused("unavailable", `other managers were faster ${this.options.writeAttemptsMax} times in a row; nothing was changed, try again`);
  }

  /** What the change makes of `current`; already an outcome when there is nothing to write. */
  private async plan(current: StoredConfiguration, request: ChangeRequest): Promise<Extract<ChangeResult, { kind: "next" }> | ChangeOutcome> {
    const { change, requestId, ifRevision, who, reason } = request;
    const earlier = requestId === "" ? undefined : current.history.find((entry) => entry.requestId === requestId);
    if (earlier !== undefined) return asBefore(earlier, request);
    if (ifRevision !== 0 && ifRevision !== current.revision) return conflictSince(ifRevision, current);
    const { clock, platform, workers } = this.parts;
    const result = applyChange(current, change, { who, reason, requestId, atUnixMs: clock.wallMs(), workers: workers(), limits: this.options.changes });
    if (result.kind === "unchanged") return { kind: "done", revision: current.revision, changed: false, differences: [], warnings: result.warnings };
    if (result.kind === "refused") return result;
    const problems = await platformProblems(platform, current, result.next, this.options.platformTimeoutMs, clock);
    if (problems.length === 0) return result;
    // Going back is always possible: what the platform cannot run is no worse than what is being left.
    if (change.kind === "undo") return { ...result, warnings: [...result.warnings, ...problems.map(({ message }) => message)] };
    return problems[0] ?? result;
  }

  private async readNewest(): Promise<StoredConfiguration | Refusal> {
    try {
      return this.adopted(await this.parts.store.read());
    } catch (thrown) {
      return refused("unavailable", `${messageOf(thrown)}; nothing was changed`);
    }
  }

  /** A write that may have been made after all: only the store knows. */
  private async afterFailure(next: StoredConfiguration, reason: string, told: { readonly differences: readonly string[]; readonly warnings: readonly string[] }): Promise<ChangeOutcome> {
    const current = await this.readNewest();
    if ("why" in current) return refused("unavailable", `${reason}; whether the change was made is not known, \`lintel admin history\` shows it when the store can be read again`);
    const made = current.history.find(({ revision }) => revision === next.revision);
    if (made === undefined || !isDeepStrictEqual(made, next.history.at(-1))) return refused("unavailable", `${reason}; nothing was changed`);
    return { kind: "done", revision: next.revision, changed: true, ...told };
  }

  /** What is durable becomes what is current, if it is newer; then everybody hears of it. */
  private adopt(configuration: StoredConfiguration): void {
    if (configuration.revision <= this.newest.revision) return;
    this.newest = configuration;
    const newest = configuration.history.at(-1);
    this.parts.logger.info("configuration changed", { revision: configuration.revision, who: newest?.who, what: newest?.what });
    for (const listener of this.listeners) listener(configuration);
  }

  private adopted(stored: StoredConfiguration): StoredConfiguration | Refusal {
    const { revision } = this.newest;
    if (stored.revision < revision) {
      const { name } = this.parts.store;
      return refused("unavailable", `${name} went back from revision ${revision} to ${stored.revision}, perhaps to a backup, and balancers take no older revision; write ${revision} or more as its "revision", and in the last entry of its history, then start the manager again`);
    }
    this.adopt(stored);
    return stored;
  }

  /** Somebody who may not. */
  async recordRefusal({ change, who, reason, requestId }: Pick<ChangeRequest, "change" | "who" | "reason" | "requestId">, message: string): Promise<void> {
    await this.recorded({ change, who, reason, requestId, ifRevision: 0, dryRun: false }, refused("invalid", message));
  }

  private async recorded(request: ChangeRequest, outcome: ChangeOutcome): Promise<ChangeOutcome> {
    const { audit, clock, logger } = this.parts;
    const { change, who, reason, requestId, dryRun } = request;
    const common = { atUnixMs: clock.wallMs(), who, what: whatOf(change), reason, ...(requestId === "" ? {} : { requestId }) };
    const made = outcome.kind === "done" && outcome.changed && !dryRun;
    try {
      if (outcome.kind === "refused") await audit.append([{ ...common, outcome: "refused", revision: this.newest.revision, message: outcome.message }], false);
      else await audit.append([{ ...common, outcome: made ? "done" : dryRun ? "dry-run" : "unchanged", revision: outcome.revision, differences: outcome.differences }], made);
      return outcome;
    } catch (thrown) {
      const sentence = `the audit log ${audit.name} cannot be written: ${messageOf(thrown)}`;
      logger.error(sentence);
      return outcome.kind === "done" ? { ...outcome, warnings: [...outcome.warnings, sentence] } : outcome;
    }
  }

  /** Changes that were made by a manager that was killed before it could record them. */
  private async recordWhatIsMissing(): Promise<void> {
    const { audit, logger } = this.parts;
    try {
      const last = await audit.lastRevision();
      const missing = this.newest.history.filter(({ revision }) => revision > last);
      await audit.append(missing.map(({ atUnixMs, who, what, reason, revision, differences }) => ({ atUnixMs, who, what, reason, outcome: "done", revision, differences, recovered: true })), true);
    } catch (thrown) {
      logger.error("the audit log cannot be written", { name: audit.name, reason: messageOf(thrown) });
    }
  }
}

/** The reply to the first of these requests, which was lost. */
function asBefore(earlier: StoredEntry, { change, requestId }: ChangeRequest): ChangeOutcome {
  const what = whatOf(change);
  if (earlier.what !== what) return refused("invalid", `the request id ${requestId} was used for another change (revision ${earlier.revision}: ${earlier.what}); give every change an id of its own`);
  return { kind: "done", revision: earlier.revision, changed: true, differences: earlier.differences, warnings: [] };
}

const changesShownMax = 5;

function conflictSince(ifRevision: number, { revision, history }: StoredConfiguration): Refusal {
  if (ifRevision > revision) return refused("conflict", `there is no revision ${ifRevision} yet; the newest is ${revision}`);
  const since = history.filter((entry) => entry.revision > ifRevision);
  const shown = since.slice(-changesShownMax).map(({ revision: at, who, what }) => `${at} by ${who}: ${what}`);
  const more = revision - ifRevision > shown.length ? `${revision - ifRevision - shown.length} older ones, ` : "";
  return refused("conflict", `the configuration is at revision ${revision}, not ${ifRevision} any more; since then: ${more}${shown.join("; ") || "changes that are in the audit log"}. Look at it with \`lintel admin status\`, then try again with --if-revision ${revision}`);
}
