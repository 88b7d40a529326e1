/** Reaches the cluster that the flags speak of, for every command that speaks with an API server. */
import { systemClock } from "../base/clock.js";
import { UserError } from "../base/errors.js";
import { ApiServer } from "../kubernetes/api-server.js";
import { clusterAccess } from "../kubernetes/cluster-access.js";
import { Discovery } from "../kubernetes/discovery.js";
import { defaultInstance, type KubernetesFlags } from "./kubernetes-flags.js";
import { lintelVersion } from "./program.js";

export interface ClusterPlaces {
  /** Of the configuration, the Lease, the balancers. */
  readonly namespace: string;
  /** Of the workers. */
  readonly workerNamespace: string;
  /** Tells several Lintels in one namespace apart. */
  readonly instance: string;
}

export interface Cluster extends ClusterPlaces {
  readonly api: ApiServer;
  readonly discovery: Discovery;
}

/** An administrator waits for an answer; a good API server gives it within milliseconds. */
const timeoutMs = 5_000;

/** Throws a UserError that says what to do. */
export async function reachCluster(flags: KubernetesFlags): Promise<Cluster> {
  const api = await apiFor(flags);
  const discovery = await Discovery.of(api);
  if (discovery.unfit !== "") throw new UserError(discovery.unfit, 1);
  return { api, discovery, ...placesOf(api, flags) };
}

/** The same without a question to the API server. */
export async function apiFor({ kubeconfig, context }: KubernetesFlags): Promise<ApiServer> {
  const access = await clusterAccess({ environment: process.env, clock: systemClock, ...(kubeconfig !== undefined && { kubeconfig }), ...(context !== undefined && { context }) });
  return new ApiServer(access, systemClock, { timeoutMs, userAgent: `lintel/${lintelVersion()}` });
}

export function placesOf(api: ApiServer, { namespace = api.access.namespace, workerNamespace = namespace, instance = defaultInstance }: KubernetesFlags): ClusterPlaces {
  return { namespace, workerNamespace, instance };
}
