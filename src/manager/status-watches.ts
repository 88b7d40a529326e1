/**
 * Those who watch the fleet: each gets the newest status after every change, but not more often than a person can see, and not
 * faster than it takes them. Must not know gRPC, nor what is in a status.
 */
import type { Clock, Timer } from "../base/clock.js";

export interface StatusWatchOptions {
  /** A status of thousands of workers is megabytes. */
  readonly watchersMax: number;
  /** Four times a second looks like at once. */
  readonly intervalMs: number;
  /** What a fleet of thousands costs to be told must not be what its manager does. */
  readonly busyShareMax: number;
}

export const defaultStatusWatchOptions: StatusWatchOptions = { watchersMax: 50, intervalMs: 250, busyShareMax: 0.1 };

/** Takes a status; returns whether it can take another one now. */
export type StatusWatcher<T> = (status: T) => boolean;

interface Watch<T> {
  readonly take: StatusWatcher<T>;
  /** Has not taken all of the last one yet. */
  busy: boolean;
  /** There was something newer meanwhile. */
  behind: boolean;
}

export class StatusWatches<T> {
  private readonly watches = new Set<Watch<T>>();
  private timer: Timer | undefined;
  private nextMs = -Infinity;

  constructor(
    private readonly status: () => T,
    private readonly options: StatusWatchOptions,
    private readonly clock: Clock,
  ) {}

  /** Sends the status at once, then at every change. Undefined when too many watch. `ready` says that it can take another one. */
  watch(take: StatusWatcher<T>): { readonly ready: () => void; readonly stop: () => void } | undefined {
    if (this.watches.size >= this.options.watchersMax) return undefined;
    const watch: Watch<T> = { take, busy: false, behind: false };
    this.watches.add(watch);
    this.send(watch, this.status());
    return {
      ready: () => {
        watch.busy = false;
        if (watch.behind) this.changed();
      },
      stop: () => this.watches.delete(watch),
    };
  }

  /** Something is not as it was. */
  changed(): void {
    if (this.watches.size === 0 || this.timer !== undefined) return;
    this.timer = this.clock.after(Math.max(0, this.nextMs - this.clock.nowMs()), () => this.sendToAll());
  }

  private sendToAll(): void {
    this.timer = undefined;
    if (this.watches.size === 0) return;
    const startedMs = this.clock.nowMs();
    const status = this.status();
    for (const watch of this.watches) this.send(watch, status);
    const { intervalMs, busyShareMax } = this.options;
    this.nextMs = startedMs + Math.max(intervalMs, (this.clock.nowMs() - startedMs) / busyShareMax);
  }

  private send(watch: Watch<T>, status: T): void {
    watch.behind = watch.busy;
    if (!watch.busy) watch.busy = !watch.take(status);
  }
}
