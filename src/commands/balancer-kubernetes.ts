/**
 * What `lintel balancer --link kubernetes` stands on: the configuration from its ConfigMap, the workers from their pods, put together
 * as a manager would; and the report on the balancer's own Pod.
 */
import { systemClock } from "../base/clock.js";
import type { Logger } from "../base/logger.js";
import { systemRandom } from "../base/random.js";
import type { ConfigurationView } from "../manager/configuration-view.js";
import { PodWorkers } from "../manager/platform/kubernetes/pod-workers.js";
import { defaultPublisherOptions, Publisher } from "../manager/publisher.js";
import { ConfigMapStore } from "../manager/store/config-map-store.js";
import { emptyConfiguration, type StoredConfiguration } from "../manager/stored-configuration.js";
import type { HeldSnapshot } from "../manager-link/held-snapshot.js";
import { defaultKubernetesLinkOptions, KubernetesLink, type SnapshotSource } from "../manager-link/kubernetes-link.js";
import type { LastGood } from "../manager-link/last-good.js";
import { PodReporter } from "../manager-link/pod-reporter.js";
import { apiFor, placesOf } from "./kubernetes-access.js";
import type { KubernetesFlags } from "./kubernetes-flags.js";
import { lintelVersion } from "./program.js";

export interface KubernetesBalancer {
  /** Of the configuration. */
  readonly configMap: string;
  /** This balancer's name, which is its Pod's when nobody says. */
  readonly balancer: string;
  readonly disk: LastGood | undefined;
}

/** Nothing is asked of the API server yet: it may be away. */
export async function kubernetesLink({ configMap: name, balancer, disk }: KubernetesBalancer, flags: KubernetesFlags, logger: Logger): Promise<KubernetesLink> {
  const api = await apiFor(flags);
  const { namespace, workerNamespace, instance } = placesOf(api, flags);
  const common = { api, random: systemRandom, logger };
  const store = new ConfigMapStore({ ...common, namespace, name });
  const source = new ClusterSnapshots(store, new PodWorkers({ ...common, namespace: workerNamespace, instance }));
  const reporter = new PodReporter({ api, namespace, pod: process.env["POD_NAME"] ?? balancer, logger });
  const options = { ...defaultKubernetesLinkOptions, name: `kubernetes:${namespace}/${name}`, program: lintelVersion() };
  return new KubernetesLink(options, { source, reporter, disk, clock: systemClock, logger });
}

/** The configuration as the publisher sees it; empty until it was seen. */
class WatchedConfiguration implements ConfigurationView {
  current: StoredConfiguration = emptyConfiguration;
  private readonly listeners: ((configuration: StoredConfiguration) => void)[] = [];

  constructor(store: ConfigMapStore) {
    store.watch((configuration) => {
      this.current = configuration;
      for (const listener of this.listeners) listener(configuration);
    });
  }

  onConfiguration(listener: (configuration: StoredConfiguration) => void): void {
    this.listeners.push(listener);
  }
}

class ClusterSnapshots implements SnapshotSource {
  private readonly listeners: ((snapshot: HeldSnapshot) => void)[] = [];
  private publisher: Publisher | undefined;

  constructor(
    private readonly store: ConfigMapStore,
    private readonly pods: PodWorkers,
  ) {}

  onPublication(listener: (snapshot: HeldSnapshot) => void): void {
    this.listeners.push(listener);
    if (this.publisher?.current !== undefined) listener(this.publisher.current);
  }

  start(): void {
    const configuration = new WatchedConfiguration(this.store);
    const publisher = new Publisher(configuration, [this.pods], defaultPublisherOptions, systemClock);
    this.publisher = publisher;
    publisher.onPublication((publication) => {
      for (const listener of this.listeners) listener(publication);
    });
    this.pods.start();
    void Promise.all([this.store.whenSeen(), this.pods.whenSynced()]).then(() => publisher.start());
  }

  staleBecause(): string {
    return this.store.staleBecause;
  }

  async stop(): Promise<void> {
    await Promise.all([this.store.close(), this.pods.stop()]);
  }
}
