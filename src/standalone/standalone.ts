/**
 * `lintel up`: turns a configuration with `run` entries into worker processes on this machine and a
 * snapshot with their addresses. Must not know shards or HTTP.
 */
import { delay, type Clock } from "../base/clock.js";
import type { Logger } from "../base/logger.js";
import type { ApplyOutcome, SnapshotReceiver } from "../manager-link/link.js";
import type { Configuration } from "../snapshot/configuration.js";
import { snapshotOf } from "../snapshot/configured-snapshot.js";
import type { Snapshot, WorkerEndpoint } from "../snapshot/snapshot.js";
import { defaultWorkerProcessOptions, WorkerProcess, type WorkerSpecification } from "./worker-process.js";

export interface StandaloneOptions {
  /** How long a configuration's new workers may take to listen before it becomes active without them. */
  readonly startTimeoutMs: number;
}

export const defaultStandaloneOptions: StandaloneOptions = {
  // The slowest built-in linter listens after about 2 s on two busy cores.
  startTimeoutMs: 15_000,
};

export class Standalone {
  private workers: readonly WorkerProcess[] = [];
  private configuration: Configuration | undefined;
  private revision = 0;
  private nonce = 0;
  private stopped = false;

  constructor(
    private readonly receiver: SnapshotReceiver,
    private readonly options: StandaloneOptions,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /**
   * Makes a configuration active: starts the workers it adds and waits for them, publishes, then stops the
   * workers it no longer has. What stays is not touched.
   */
  async apply(configuration: Configuration, revision: number): Promise<ApplyOutcome> {
    const before = this.workers;
    const kept = new Map(before.map((worker) => [JSON.stringify(worker.specification), worker]));
    const next = specificationsOf(configuration).map((wanted) => kept.get(JSON.stringify(wanted)) ?? this.start(wanted));
    // From here on a restarted worker publishes its new address, whichever configuration it is of.
    this.workers = [...new Set([...before, ...next])];
    await this.untilListening(next);
    if (this.stopped) return { kind: "refused", reason: "lintel is stopping" };
    this.workers = next;
    this.configuration = configuration;
    this.revision = revision;
    const outcome = await this.publish();
    void Promise.all(before.filter((worker) => !next.includes(worker)).map((worker) => worker.stop()));
    return outcome;
  }

  /** The workers with their process ids, for status and tests. */
  get processes(): readonly { readonly id: string; readonly pid: number | undefined; readonly restarts: number }[] {
    return this.workers.map(({ specification, pid, restarts }) => ({ id: specification.id, pid, restarts }));
  }

  /** From here on a worker that ends stays away: everything is about to stop. */
  freeze(): void {
    this.stopped = true;
    for (const worker of this.workers) worker.freeze();
  }

  /** Resolves when no worker process is left. */
  async stop(): Promise<void> {
    this.freeze();
    await Promise.all(this.workers.map((worker) => worker.stop()));
  }

  private start(specification: WorkerSpecification): WorkerProcess {
    return new WorkerProcess(specification, defaultWorkerProcessOptions, this.clock, this.logger, (worker) => {
      if (this.workers.includes(worker)) void this.publish();
    });
  }

  private async untilListening(workers: readonly WorkerProcess[]): Promise<void> {
    const endMs = this.clock.nowMs() + this.options.startTimeoutMs;
    while (!this.stopped && workers.some((worker) => worker.endpoint === undefined)) {
      if (this.clock.nowMs() >= endMs) {
        const late = workers.filter((worker) => worker.endpoint === undefined).map((worker) => worker.specification.id);
        this.logger.warn("going on without workers that do not listen yet", { workers: late.join(", ") });
        return;
      }
      await delay(10);
    }
  }

  private async publish(): Promise<ApplyOutcome> {
    const { configuration } = this;
    if (configuration === undefined) return { kind: "applied" };
    const outcome = await this.receiver.apply(withLocalWorkers(snapshotOf(configuration, this.revision, ++this.nonce), this.workers));
    if (outcome.kind === "refused") this.logger.error("a configuration was refused", { reason: outcome.reason });
    return outcome;
  }
}

function specificationsOf({ languages, http }: Configuration): WorkerSpecification[] {
  const specifications: WorkerSpecification[] = [];
  for (const { language, versions } of languages) {
    for (const { version, run } of versions) {
      if (run === undefined) continue;
      for (let index = 1; index <= run.workers; index++) {
        specifications.push({ id: `${language}-${version}-${index}`, language, version, run, sourceBytesMax: http.bodyBytesMax });
      }
    }
  }
  return specifications;
}

/** The snapshot with the addresses of the local workers that listen. */
function withLocalWorkers(snapshot: Snapshot, workers: readonly WorkerProcess[]): Snapshot {
  const endpointsOf = (language: string, version: string): WorkerEndpoint[] =>
    workers.flatMap(({ specification, endpoint }) =>
      specification.language === language && specification.version === version && endpoint !== undefined ? [endpoint] : [],
    );
  const languages = snapshot.languages.map((language) => ({
    ...language,
    versions: language.versions.map((version) => ({
      ...version,
      workers: [...version.workers, ...endpointsOf(language.language, version.version)],
    })),
  }));
  return { ...snapshot, languages };
}
