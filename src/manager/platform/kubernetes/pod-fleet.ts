/**
 * The fleet of balancers that have no manager: each says on its own Pod what it serves. Must not know streams, nor what writes there.
 */
import type { Logger } from "../../../base/logger.js";
import type { Random } from "../../../base/random.js";
import type { ApiServer } from "../../../kubernetes/api-server.js";
import { Informer } from "../../../kubernetes/informer.js";
import { type ApiObject, type Pod, pods, reportCondition } from "../../../kubernetes/objects.js";
import { reportFrom } from "../../../snapshot/balancer-report.js";
import { byName, laggardOf } from "../../balancer-states.js";
import type { BalancerState, BarrierState, FleetView, VersionWaiting } from "../../fleet-view.js";

export interface PodFleetOptions {
  readonly api: ApiServer;
  /** Of the balancers. */
  readonly namespace: string;
  readonly random: Random;
  readonly logger: Logger;
}

/** The labels that deploy/kubernetes puts on balancers without a manager; those that have one are told of by it. */
export const balancerSelector = "app.kubernetes.io/part-of=lintel,app.kubernetes.io/component=balancer,lintel.dev/link=kubernetes";

interface Seen {
  readonly state: BalancerState;
  readonly waiting: readonly VersionWaiting[];
}

export class PodFleet implements FleetView {
  private readonly informer: Informer<Seen>;

  constructor({ namespace, ...options }: PodFleetOptions) {
    this.informer = new Informer({ ...options, place: { resource: pods, namespace }, labelSelector: balancerSelector, keep: seenIn });
  }

  start(): void {
    this.informer.start();
  }

  whenSynced(): Promise<void> {
    return this.informer.whenSynced();
  }

  stop(): Promise<void> {
    return this.informer.stop();
  }

  barrier(revision: number): BarrierState {
    const laggards = this.balancers()
      .filter(({ acked, shards }) => acked < revision || shards.some((one) => one < revision))
      .map(laggardOf);
    return { revision, open: laggards.length === 0, laggards };
  }

  balancers(): readonly BalancerState[] {
    return [...this.informer.items.values()].map(({ state }) => state).sort(byName);
  }

  waiting(): readonly VersionWaiting[] {
    return [...this.informer.items.values()].flatMap(({ waiting }) => waiting);
  }

  onChange(listener: () => void): void {
    this.informer.onChange(listener);
  }
}

/** A Pod that is on its way out serves what it has, and is waited for by nobody; so is one that does not run yet. */
function seenIn(object: ApiObject): Seen | undefined {
  const { metadata, status } = object as Pod;
  const isThere = metadata?.deletionTimestamp === undefined && status?.phase === "Running";
  if (!isThere || metadata?.name === undefined) return undefined;
  const balancer = metadata.name;
  const report = reportFrom(status.conditions?.find(({ type }) => type === reportCondition)?.message ?? "");
  if (report === undefined) {
    const unheard = { balancer, instance: "", connected: false, stale: true, acked: 0, ackedUnixMs: 0, shards: [], ready: false, program: "", reason: "it has not said yet what it serves" };
    return { state: unheard, waiting: [] };
  }
  const isReady = status.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") ?? false;
  const { waiting, ...rest } = report;
  return { state: { ...rest, balancer, connected: true, stale: !isReady, ready: report.ready && isReady, reason: isReady ? report.reason : report.reason || "its Pod is not ready" }, waiting: waiting.map((one) => ({ ...one, balancer })) };
}
