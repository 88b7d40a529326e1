/**
 * The whole fleet where several managers serve it: each follows its own balancers and tells the others what it knows of them, so that
 * any of them can answer for all, and a barrier is one for all. Must not know what carries that, nor streams.
 */
import type { Clock } from "../base/clock.js";
import { byName, laggardOf } from "./balancer-states.js";
import type { BalancerState, BarrierState, FleetView, VersionWaiting } from "./fleet-view.js";

/** What one manager tells the others. */
export interface FleetReport {
  readonly balancers: readonly BalancerState[];
  readonly waiting: readonly VersionWaiting[];
}

/** A report of another manager, and when it was last heard of, by this process's clock. */
export interface HeardReport extends FleetReport {
  readonly manager: string;
  readonly heardMs: number;
}

/** What carries reports. Each manager's is the newest of it; who falls silent is told apart by `heardMs`. */
export interface FleetExchange {
  tell(report: FleetReport): void;
  others(): readonly HeardReport[];
  onChange(listener: () => void): void;
}

export interface SharedFleetOptions {
  /** A manager that was not heard for so long has no say about balancers that another one has; three of its heartbeats. */
  readonly silentMs: number;
  /** From then on nobody waits for balancers that only it knew: they follow another one within seconds, or are gone. */
  readonly forgottenMs: number;
}

export const defaultSharedFleetOptions: SharedFleetOptions = { silentMs: 15_000, forgottenMs: 60_000 };

/** What only time changes is looked at so often. */
const sweepMs = 1_000;

export class SharedFleet implements FleetView {
  private readonly listeners: (() => void)[] = [];
  private swept = "";

  constructor(
    private readonly own: FleetView,
    private readonly exchange: FleetExchange,
    private readonly options: SharedFleetOptions,
    private readonly clock: Clock,
  ) {
    const tell = (): void => exchange.tell({ balancers: own.balancers(), waiting: own.waiting() });
    own.onChange(() => {
      tell();
      this.changed();
    });
    exchange.onChange(() => this.changed());
    clock.every(sweepMs, () => this.sweep());
    tell();
  }

  barrier(revision: number): BarrierState {
    const { laggards } = this.own.barrier(revision);
    const lagging = this.elsewhere().flatMap(({ state }) => (has(state, revision) ? [] : [laggardOf(state)]));
    const all = [...laggards, ...lagging];
    return { revision, open: all.length === 0, laggards: all };
  }

  balancers(): readonly BalancerState[] {
    return [...this.own.balancers(), ...this.elsewhere().map(({ state }) => state)].sort(byName);
  }

  waiting(): readonly VersionWaiting[] {
    const elsewhere = this.elsewhere();
    const others = this.heard().flatMap(({ manager, waiting }) => waiting.filter(({ balancer }) => elsewhere.some(({ state, of }) => of === manager && state.balancer === balancer)));
    return [...this.own.waiting(), ...others];
  }

  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** The balancers that others know and this one does not. A process that moved is where it is connected, or else was last. */
  private elsewhere(): { readonly of: string; readonly state: BalancerState }[] {
    const here = new Map(this.own.balancers().map((state) => [state.instance, state]));
    const found = new Map<string, { readonly of: string; readonly state: BalancerState }>();
    for (const { manager, heardMs, balancers } of this.heard()) {
      const silentMs = this.clock.nowMs() - heardMs;
      for (const given of balancers) {
        if (here.get(given.instance)?.connected === true) continue;
        const state = silentMs < this.options.silentMs ? given : { ...given, connected: false, stale: true, ready: false, reason: `its manager ${manager} was not heard for ${(silentMs / 1_000).toFixed(0)} s` };
        const other = found.get(given.instance);
        if (other === undefined || tellsMore(state, other.state)) found.set(given.instance, { of: manager, state });
      }
    }
    // What is not connected anywhere is told by the one that lost it; known here, it is in our own list.
    return [...found.values()].filter(({ state }) => state.connected || !here.has(state.instance));
  }

  private heard(): readonly HeardReport[] {
    return this.exchange.others().filter(({ heardMs }) => this.clock.nowMs() - heardMs < this.options.forgottenMs);
  }

  private sweep(): void {
    const swept = JSON.stringify(this.exchange.others().map(({ manager, heardMs }) => [manager, this.clock.nowMs() - heardMs < this.options.silentMs, this.clock.nowMs() - heardMs < this.options.forgottenMs]));
    if (swept !== this.swept) this.changed();
    this.swept = swept;
  }

  private changed(): void {
    for (const listener of this.listeners) listener();
  }
}

/**
 * Of two managers' words about one process. A manager that was killed never says that a balancer has left it: what the process
 * has acknowledged to either it has, because it never goes back.
 */
function tellsMore(one: BalancerState, other: BalancerState): boolean {
  if (one.connected !== other.connected) return one.connected;
  return one.acked !== other.acked ? one.acked > other.acked : one.ackedUnixMs > other.ackedUnixMs;
}

/** A report as another manager's program wrote it; undefined for one that cannot be read, which says nothing. */
export function reportIn(text: string): FleetReport | undefined {
  try {
    const { balancers, waiting } = JSON.parse(text) as Partial<FleetReport>;
    return Array.isArray(balancers) && Array.isArray(waiting) ? { balancers, waiting } : undefined;
  } catch {
    return undefined;
  }
}

function has({ connected, acked, shards }: BalancerState, revision: number): boolean {
  return connected && acked >= revision && shards.every((one) => one >= revision);
}
