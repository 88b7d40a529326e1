/** What the simulator saw of one exchange from outside, to hold it against the rules. Must not know what the exchange thinks. */
import type { FailureKind } from "../../src/upstream/failure.js";
import { isFree } from "../../src/upstream/failure.js";
import type { ActiveVersion, ActiveLanguage } from "../../src/shard/active.js";
import type { ActiveWorker } from "../../src/shard/active-worker.js";
import type { Exchange } from "../../src/shard/exchange.js";
import type { InputHistory } from "./input-history.js";
import type { OpenCall } from "./simulated-connection.js";
import type { SimulatedShard } from "./simulated-shard.js";

export interface Attempt {
  readonly worker: ActiveWorker;
  readonly call: OpenCall;
  end: "open" | "answered" | "failed" | "timed-out" | "given-up";
  endedMs: number;
  failure: FailureKind | undefined;
}

export class ExchangeRecord {
  readonly attempts: Attempt[] = [];
  /** Workers that were granted to it, and did not say that they are there. */
  readonly unconfirmed = new Set<string>();

  constructor(
    readonly exchange: Exchange,
    readonly shard: SimulatedShard,
    readonly history: InputHistory,
  ) {}

  get name(): string {
    return `request ${this.exchange.request.traceparent} on shard ${this.shard.index}`;
  }

  get open(): Attempt | undefined {
    return this.attempts.find(({ end }) => end === "open");
  }

  get lastFailure(): FailureKind | undefined {
    return this.attempts.at(-1)?.failure;
  }

  get costlyAttempts(): number {
    return this.attempts.filter(({ failure }) => failure !== undefined && !isFree(failure)).length;
  }

  /** The language as the shard's newest snapshot has it. */
  get language(): ActiveLanguage | undefined {
    return this.shard.active.languages.get(this.exchange.request.language.language);
  }

  get ownVersion(): ActiveVersion | undefined {
    return this.language?.versions.find(({ version }) => version === this.exchange.version?.version);
  }

  /** The workers its next attempt may go to, by the newest snapshot: of its own version; of any with weight when that has none. */
  candidates(): ActiveWorker[] {
    const { language, ownVersion } = this;
    if (language === undefined) return [];
    const own = ownVersion === undefined ? [] : this.untried(ownVersion);
    if (own.length > 0 || this.exchange.request.version !== undefined || !language.spill) return own;
    return language.versions.filter((version) => version !== ownVersion && version.weight > 0).flatMap((version) => this.untried(version));
  }

  untried(version: ActiveVersion): ActiveWorker[] {
    return version.workers.filter((worker) => isUsable(worker, version) && !this.unconfirmed.has(worker.id) && !this.attempts.some((attempt) => attempt.worker.id === worker.id));
  }

  end(call: OpenCall, end: Attempt["end"], failure: FailureKind | undefined, endedMs: number): Attempt | undefined {
    const attempt = this.attempts.find((one) => one.call === call);
    if (attempt === undefined) return undefined;
    attempt.end = end;
    attempt.failure = failure;
    attempt.endedMs = endedMs;
    return attempt;
  }
}

/** By the truth about the version's workers, not by its list. */
export function isUsable(worker: ActiveWorker, version: ActiveVersion): boolean {
  if (!worker.upstream.ready) return false;
  if (worker.health.phase.kind === "serving") return true;
  return !version.workers.some(({ upstream, health }) => upstream.ready && health.phase.kind === "serving");
}
