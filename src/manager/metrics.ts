/** The manager's metrics, read at the scrape from what it knows anyway. What they are called is in metrics/definitions.ts; must not know who asks. */
import { managerMetrics } from "../metrics/definitions.js";
import type { Exposition, Sample } from "../metrics/exposition.js";
import type { ConfigurationView } from "./configuration-view.js";
import type { BalancerState, FleetView } from "./fleet-view.js";
import type { Platform } from "./platform/platform.js";
import type { Registrations } from "./registrations.js";

export interface DescribedManager {
  readonly configuration: ConfigurationView;
  readonly fleet: FleetView;
  readonly platform: Pick<Platform, "workers">;
  readonly registrations: Pick<Registrations, "workers">;
}

export function describeManager(exposition: Exposition, { configuration, fleet, platform, registrations }: DescribedManager): void {
  exposition.addNumber(managerMetrics.revision, () => configuration.current.revision);
  exposition.addNumber(managerMetrics.barrier, () => (fleet.barrier(configuration.current.revision).open ? 1 : 0));
  exposition.addNumber(managerMetrics.drained, () => configuration.current.drained.length);

  const balancers = (value: (state: BalancerState) => number) => (): Sample[] => fleet.balancers().map((state) => ({ labels: { balancer: state.balancer }, value: value(state) }));
  exposition.add(managerMetrics.connected, balancers(({ connected }) => (connected ? 1 : 0)));
  exposition.add(managerMetrics.balancerReady, balancers(({ ready }) => (ready ? 1 : 0)));
  exposition.add(managerMetrics.stale, balancers(({ stale }) => (stale ? 1 : 0)));
  exposition.add(managerMetrics.acked, balancers(({ acked }) => acked));

  exposition.add(managerMetrics.workers, () => {
    const workers = [...platform.workers(), ...registrations.workers()];
    return summed(workers.map(({ language, version, state }) => ({ labels: { language, version, state }, value: 1 })));
  });
  exposition.add(managerMetrics.workerRestarts, () => summed(platform.workers().map(({ language, version, restarts }) => ({ labels: { language, version }, value: restarts }))));
}

/** One sample for equal labels. */
function summed(samples: readonly Sample[]): Sample[] {
  const sums = new Map<string, Sample>();
  for (const { labels, value } of samples) {
    const key = JSON.stringify(labels);
    sums.set(key, { ...(labels && { labels }), value: value + (sums.get(key)?.value ?? 0) });
  }
  return [...sums.values()];
}
