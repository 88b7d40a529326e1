/**
 * What `lintel admin status --kubernetes` asks instead of a manager: the ConfigMap, the workers' pods, and what balancers without a
 * manager say on theirs. Reads alone.
 */
import { delay, systemClock } from "../base/clock.js";
import { createLogger } from "../base/logger.js";
import { systemRandom } from "../base/random.js";
import type { StatusSource } from "../client/status-source.js";
import { configMaps, pods } from "../kubernetes/objects.js";
import { statusReply } from "../manager/admin-status.js";
import { BarrierWaits, defaultBarrierWaitOptions } from "../manager/barrier-waits.js";
import { NodeZones } from "../manager/platform/kubernetes/node-zones.js";
import { PodFleet } from "../manager/platform/kubernetes/pod-fleet.js";
import { PodWorkers } from "../manager/platform/kubernetes/pod-workers.js";
import { ConfigMapStore } from "../manager/store/config-map-store.js";
import type { BarrierMessage, StatusReplyMessage } from "../rpc/admin-messages.js";
import { apiFor, placesOf } from "./kubernetes-access.js";
import { configMapName, type KubernetesFlags } from "./kubernetes-flags.js";

const zonesPatienceMs = 500;

/** `place` is the ConfigMap's: "configmap:NAME". Throws a UserError when anything of it cannot be read. */
export async function clusterStatus(flags: KubernetesFlags, place: string | undefined): Promise<StatusSource> {
  const api = await apiFor(flags);
  const { namespace, workerNamespace, instance } = placesOf(api, flags);
  const common = { api, random: systemRandom, logger: createLogger() };
  const name = configMapName(place);
  const store = new ConfigMapStore({ ...common, namespace, name });
  const zones = new NodeZones(common);
  const workers = new PodWorkers({ ...common, namespace: workerNamespace, instance, zones });
  const fleet = new PodFleet({ ...common, namespace });
  // What may not be read is said at once; a watch would try for ever.
  await api.get({ resource: configMaps, namespace, name });
  let configuration = await store.read();
  for (const one of new Set([namespace, workerNamespace])) await api.list({ resource: pods, namespace: one }, { limit: "1" });
  let onChange = (): void => undefined;
  store.watch((newest) => {
    configuration = newest;
    onChange();
  });
  for (const part of [workers, fleet]) {
    part.onChange(() => onChange());
    part.start();
  }
  // Who may not look at nodes sees all but the zones.
  await Promise.all([workers.whenSynced(), fleet.whenSynced(), Promise.race([zones.whenSynced(), delay(zonesPatienceMs)])]);
  const waits = new BarrierWaits(fleet, defaultBarrierWaitOptions, systemClock);
  const names = { manager: "none is asked", store: store.name, platform: `kubernetes (namespace ${workerNamespace})` };
  const status = (): StatusReplyMessage => statusReply(configuration, fleet, workers.workers(), names);
  return {
    status: () => Promise.resolve(status()),
    wait: (revision, timeoutMs) => new Promise<BarrierMessage>((resolve) => void waits.wait(revision, timeoutMs, resolve)),
    async *watch() {
      for (;;) {
        const changed = new Promise<void>((resolve) => (onChange = resolve));
        yield status();
        await changed;
      }
    },
    async close() {
      await Promise.all([store.close(), workers.stop(), fleet.stop()]);
      api.close();
    },
  };
}
