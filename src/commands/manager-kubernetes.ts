/**
 * What `lintel manager --platform kubernetes` stands on: the store in a ConfigMap, the platform that makes Deployments, the Lease,
 * and what managers tell each other; and its preflight.
 */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { systemClock } from "../base/clock.js";
import { UserError } from "../base/errors.js";
import type { Logger } from "../base/logger.js";
import { systemRandom } from "../base/random.js";
import { LeaseLeadership } from "../kubernetes/lease-leadership.js";
import { JoinedFleet } from "../manager/joined-fleet.js";
import { FleetConfigMap } from "../manager/platform/kubernetes/fleet-config-map.js";
import { KubernetesPlatform } from "../manager/platform/kubernetes/kubernetes-platform.js";
import { PodFleet } from "../manager/platform/kubernetes/pod-fleet.js";
import { managerPermissions, preflight } from "../manager/platform/kubernetes/preflight.js";
import { objectsThere } from "../manager/platform/kubernetes/preflight-objects.js";
import { defaultVersionSettings, type VersionSettings } from "../manager/platform/kubernetes/version-objects.js";
import { defaultSharedFleetOptions, SharedFleet } from "../manager/shared-fleet.js";
import { ConfigMapStore } from "../manager/store/config-map-store.js";
import { apiFor, placesOf, reachCluster } from "./kubernetes-access.js";
import { configMapName, fleetConfigMap, type KubernetesManagerFlags, leaseName } from "./kubernetes-flags.js";
import type { ManagerGround } from "./manager-ground.js";

export type KubernetesGroundFlags = KubernetesManagerFlags & {
  /** "configmap:NAME" */
  readonly store?: string;
};

/** Throws a UserError that says what to do. */
export async function kubernetesGround(flags: KubernetesGroundFlags, logger: Logger): Promise<ManagerGround> {
  // What is typed wrong is said before anybody is asked.
  const name = configMapName(flags.store);
  const settings = settingsOf(flags);
  const { api, discovery, namespace, workerNamespace, instance } = await reachCluster(flags);
  const common = { api, random: systemRandom, logger };
  const store = new ConfigMapStore({ ...common, namespace, name });
  // Another one for every process: a container that is started again in its pod is not the one that led.
  const identity = `${process.env["POD_NAME"] ?? hostname()}.${randomUUID().slice(0, 8)}`;
  const leadership: LeaseLeadership = new LeaseLeadership({ ...common, namespace, name: leaseName, identity, termsSeen: () => platform.termsSeen });
  const platform: KubernetesPlatform = new KubernetesPlatform({ ...common, namespace: workerNamespace, settings: { ...settings, instance }, discovery, leadership });
  const fleet = new FleetConfigMap({ ...common, namespace, name: fleetConfigMap, manager: identity });
  const withoutManager = new PodFleet({ ...common, namespace });
  return {
    store,
    platform,
    // Who may write here has the history in the ConfigMap; what was refused, too, is for whoever collects logs.
    auditLog: "-",
    share: (own) => new JoinedFleet([new SharedFleet(own, fleet, defaultSharedFleetOptions, systemClock), withoutManager]),
    async start() {
      fleet.start();
      withoutManager.start();
      await platform.start();
      leadership.start();
    },
    cutOff: () => (store.staleForMs < cutOffMs ? "" : `this manager has not heard of its store for ${(store.staleForMs / 1_000).toFixed(0)} s (${store.staleBecause || "the API server says nothing"})`),
    async close() {
      await Promise.all([leadership.close(), fleet.close(), withoutManager.stop()]);
      api.close();
    },
  };
}

/** A restart of the API server takes half of it. */
const cutOffMs = 10_000;

/** Prints every finding; resolves with the exit code. */
export async function checkKubernetes(flags: KubernetesGroundFlags, print: (line: string) => void): Promise<number> {
  const api = await apiFor(flags);
  const { namespace, workerNamespace } = placesOf(api, flags);
  const names = { namespace, workerNamespace, configMap: configMapName(flags.store), fleetConfigMap, lease: leaseName };
  const findings = await preflight(api, managerPermissions(names));
  // A server that does not answer was told already.
  if (findings.length > 1) findings.push(...(await objectsThere(api, names)));
  api.close();
  for (const { isGood, text } of findings) print(`${isGood ? "ok      " : "missing "} ${text}`);
  const missing = findings.filter(({ isGood }) => !isGood).length;
  print(missing === 0 ? "everything that a manager needs is there" : `${missing} of ${findings.length} are missing`);
  return missing === 0 ? 0 : 1;
}

function settingsOf(flags: KubernetesManagerFlags): VersionSettings {
  const { workerImage, workerServiceAccount, workerPullSecret, workerCpu, workerMemory, workerMemoryMax } = flags;
  if (workerImage === undefined) throw new UserError("--worker-image is not given: built-in linters run from this program's own image, such as registry.example/lintel:0.1.0");
  const isIpv6 = process.env["KUBERNETES_SERVICE_HOST"]?.includes(":") === true;
  return {
    ...defaultVersionSettings,
    lintelImage: workerImage,
    ...(workerServiceAccount !== undefined && { serviceAccount: workerServiceAccount }),
    ...(workerPullSecret !== undefined && { imagePullSecrets: workerPullSecret }),
    ...(workerCpu !== undefined && { cpu: workerCpu }),
    ...(workerMemory !== undefined && { memory: workerMemory }),
    ...(workerMemoryMax !== undefined && { memoryMax: workerMemoryMax }),
    listenHost: isIpv6 ? "[::]" : "0.0.0.0",
  };
}
