/**
 * Workers that registered themselves and are kept by their heartbeats. One whose stream breaks is kept until its time
 * is up, because it may be on its way back; one that says it leaves is gone at once. Must not know stores or streams.
 */
import type { Clock } from "../base/clock.js";
import type { WorkerEndpoint } from "../snapshot/snapshot.js";

export interface RegistrationOptions {
  /** How often a worker says that it is there. */
  readonly intervalMs: number;
  /** Three heartbeats lost in a row, and a little for a busy machine. A balancer that uses the worker notices sooner. */
  readonly timeoutMs: number;
}

export const defaultRegistrationOptions: RegistrationOptions = { intervalMs: 1_000, timeoutMs: 3_500 };

export interface RegisteredWorker {
  readonly id: string;
  readonly language: string;
  readonly version: string;
  readonly state: "listening";
  readonly sinceUnixMs: number;
  readonly endpoint: WorkerEndpoint;
}

/** One worker's hold on its place. */
export interface Registration {
  heartbeat(): void;
  /** It drains: out of the snapshot now. */
  leave(): void;
}

interface Entry {
  readonly worker: RegisteredWorker;
  heardMs: number;
}

export class Registrations {
  private readonly entries = new Map<string, Entry>();
  private readonly listeners: (() => void)[] = [];

  constructor(
    readonly options: RegistrationOptions,
    private readonly clock: Clock,
  ) {
    clock.every(options.intervalMs / 4, () => this.forgetSilent());
  }

  workers(): readonly RegisteredWorker[] {
    return Array.from(this.entries.values(), ({ worker }) => worker);
  }

  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** The newest that registers under an id has it: a worker that was started again, or whose old stream is not known to be broken yet. */
  register(language: string, version: string, endpoint: WorkerEndpoint): Registration {
    const before = this.entries.get(endpoint.id);
    const same = before !== undefined && isSame(before.worker, language, version, endpoint);
    const worker: RegisteredWorker = same ? before.worker : { id: endpoint.id, language, version, state: "listening", sinceUnixMs: this.clock.wallMs(), endpoint };
    const entry = { worker, heardMs: this.clock.nowMs() };
    this.entries.set(endpoint.id, entry);
    if (!same) this.changed();
    return {
      heartbeat: () => this.heard(endpoint.id, entry),
      leave: () => {
        if (this.entries.get(endpoint.id) !== entry) return;
        this.entries.delete(endpoint.id);
        this.changed();
      },
    };
  }

  private heard(id: string, entry: Entry): void {
    entry.heardMs = this.clock.nowMs();
    if (this.entries.has(id)) return;
    // It was given up, and only slept.
    this.entries.set(id, entry);
    this.changed();
  }

  private forgetSilent(): void {
    const limitMs = this.clock.nowMs() - this.options.timeoutMs;
    const silent = [...this.entries].filter(([, { heardMs }]) => heardMs < limitMs);
    for (const [id] of silent) this.entries.delete(id);
    if (silent.length > 0) this.changed();
  }

  private changed(): void {
    for (const listener of this.listeners) listener();
  }
}

function isSame(worker: RegisteredWorker, language: string, version: string, { host, port }: WorkerEndpoint): boolean {
  return worker.language === language && worker.version === version && worker.endpoint.host === host && worker.endpoint.port === port;
}
