/**
 * Workers by list and watch of pods: one that is ready and not on its way out listens. Used by the manager, and by a balancer
 * that has none. Must not know Deployments, nor what should run.
 */
import type { Logger } from "../../../base/logger.js";
import type { Random } from "../../../base/random.js";
import type { ApiServer } from "../../../kubernetes/api-server.js";
import { Informer, type InformerTimes } from "../../../kubernetes/informer.js";
import { type ApiObject, type ContainerStatus, type Pod, pods } from "../../../kubernetes/objects.js";
import type { PlatformWorker } from "../platform.js";
import { type NodeZones, zoneIn } from "./node-zones.js";
import { annotations, instanceLabels, labels, selectorText } from "./version-names.js";
import { workerPort } from "./version-objects.js";

export interface PodWorkersOptions {
  readonly api: ApiServer;
  readonly namespace: string;
  readonly instance: string;
  readonly random: Random;
  readonly logger: Logger;
  readonly times?: Partial<InformerTimes>;
  /** Looks at nodes, too: where a pod does not say which zone it is in, its node does. */
  readonly zones?: NodeZones;
}

/** With where its pod is. */
interface PodWorker extends PlatformWorker {
  readonly node: string;
}

export class PodWorkers {
  private readonly informer: Informer<PodWorker>;
  private readonly zones: NodeZones | undefined;
  private list: readonly PlatformWorker[] | undefined;

  constructor({ instance, namespace, zones, ...options }: PodWorkersOptions) {
    this.zones = zones;
    this.informer = new Informer({ ...options, place: { resource: pods, namespace }, labelSelector: selectorText(instanceLabels(instance)), keep: workerOf });
    this.onChange(() => (this.list = undefined));
  }

  /** By id. */
  workers(): readonly PlatformWorker[] {
    this.list ??= [...this.informer.items.values()].map((worker) => this.placed(worker)).sort((one, other) => (one.id < other.id ? -1 : 1));
    return this.list;
  }

  onChange(listener: () => void): void {
    this.informer.onChange(listener);
    this.zones?.onChange(listener);
  }

  whenSynced(): Promise<void> {
    return this.informer.whenSynced();
  }

  /** For how long pods that come or go could not be seen; 0 when they can. */
  get staleForMs(): number {
    return this.informer.staleForMs;
  }

  start(): void {
    this.informer.start();
    this.zones?.start();
  }

  async stop(): Promise<void> {
    await Promise.all([this.informer.stop(), this.zones?.stop()]);
  }

  private placed(worker: PodWorker): PlatformWorker {
    const zone = worker.zone === "" ? (this.zones?.zoneOf(worker.node) ?? "") : "";
    return zone === "" ? worker : { ...worker, zone };
  }
}

/** What a pod is as a worker; undefined when it is none, or over. */
export function workerOf(object: ApiObject): PodWorker | undefined {
  const pod = object as Pod;
  const { metadata = {}, status = {} } = pod;
  // A pod that was made by hand may have the labels alone.
  const language = metadata.annotations?.[annotations.language] ?? metadata.labels?.[labels.language];
  const version = metadata.annotations?.[annotations.version] ?? metadata.labels?.[labels.version];
  if (metadata.name === undefined || language === undefined || version === undefined) return undefined;
  const place = { node: pod.spec?.nodeName ?? "", zone: zoneIn(metadata.labels) ?? "" };
  const common = { ...place, id: metadata.name, language, version, pid: 0, restarts: restartsOf(status.containerStatuses), sinceUnixMs: Date.parse(sinceOf(pod)) || 0 };
  if (metadata.deletionTimestamp !== undefined) return { ...common, state: "leaving", reason: "its pod is told to end" };
  // An evicted pod stays as a note of what happened.
  if (status.phase === "Failed" || status.phase === "Succeeded") return undefined;
  const ready = status.conditions?.find(({ type }) => type === "Ready");
  if (ready?.status === "True" && status.podIP !== undefined) return { ...common, state: "listening", reason: "", endpoint: { id: metadata.name, host: status.podIP, port: workerPort } };
  const { reason, isPausing } = whyNot(pod);
  return { ...common, state: isPausing ? "pausing" : "starting", reason };
}

function restartsOf(statuses: readonly ContainerStatus[] = []): number {
  return statuses.reduce((sum, { restartCount = 0 }) => sum + restartCount, 0);
}

function sinceOf({ metadata, status }: Pod): string {
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  return metadata?.deletionTimestamp ?? ready?.lastTransitionTime ?? metadata?.creationTimestamp ?? "";
}

const detailCharactersMax = 300;

function whyNot({ status, spec }: Pod): { readonly reason: string; readonly isPausing: boolean } {
  const detailed = (reason: string | undefined, message: string | undefined): string => [reason, message].filter((word) => word !== undefined && word !== "").join(": ").slice(0, detailCharactersMax);
  for (const { name, state, ready, restartCount = 0 } of status?.containerStatuses ?? []) {
    const { waiting, terminated } = state ?? {};
    if (waiting !== undefined && waiting.reason !== "ContainerCreating") return { reason: `${name}: ${detailed(waiting.reason, waiting.message)}`, isPausing: waiting.reason === "CrashLoopBackOff" };
    if (terminated !== undefined) return { reason: `${name} ended with exit code ${terminated.exitCode ?? 0}${terminated.reason === undefined ? "" : ` (${terminated.reason})`}`, isPausing: false };
    if (ready === false && restartCount > 0) return { reason: `${name} is not ready after restart ${restartCount}`, isPausing: false };
  }
  const scheduled = status?.conditions?.find(({ type }) => type === "PodScheduled");
  if (scheduled?.status === "False") return { reason: detailed(scheduled.reason, scheduled.message), isPausing: false };
  return { reason: spec?.nodeName === undefined ? "waits for a node" : "its pod is not ready yet", isPausing: false };
}
