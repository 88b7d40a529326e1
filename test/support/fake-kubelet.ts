/**
 * Plays scheduler and kubelet where there are none: a pod is bound to a node, its container is started (whatever the test makes
 * of that), it turns ready, is restarted when it ends, and goes when it is told to. Follows the state, as a kubelet does.
 */
import { delay, systemClock } from "../../src/base/clock.js";
import { createLogger } from "../../src/base/logger.js";
import { systemRandom } from "../../src/base/random.js";
import { isApiError } from "../../src/kubernetes/api-error.js";
import type { ApiServer } from "../../src/kubernetes/api-server.js";
import { Informer } from "../../src/kubernetes/informer.js";
import { type Pod, pods, type ResourceKind } from "../../src/kubernetes/objects.js";

export interface PodSpec {
  readonly nodeName?: string;
  readonly containers: readonly { readonly name: string; readonly image: string; readonly args?: readonly string[]; readonly env?: readonly { readonly name: string; readonly value?: string }[] }[];
}

export type KubeletPod = Pod & { readonly spec?: PodSpec };

export interface RunningContainer {
  /** SIGTERM; resolves when it has ended. */
  stop(): Promise<void>;
  /** Resolves when it has ended, for whatever reason. */
  readonly ended: Promise<void>;
}

export interface FakeKubeletOptions {
  readonly api: ApiServer;
  /** Not given: of all namespaces. */
  readonly namespace?: string;
  /** The address of the n-th pod, counted from 1. 127.1.0.1 and so on, when not given: all of them are this machine. */
  readonly podIp?: (count: number) => string;
  /** Starts what is in the container; resolves when it is ready. Nothing, when not given. */
  readonly run?: (pod: KubeletPod, ip: string) => Promise<RunningContainer>;
}

const nodes: ResourceKind = { apiVersion: "v1", kind: "Node", plural: "nodes" };
const nodeName = "node-a";
export const zoneOfNode = "zone-a";

interface Known {
  readonly ip: string;
  container: RunningContainer | undefined;
  restarts: number;
  ending: boolean;
}

export class FakeKubelet {
  readonly failures: unknown[] = [];
  private readonly known = new Map<string, Known>();
  private readonly informer: Informer<KubeletPod>;
  private count = 0;
  private stopped = false;

  constructor(private readonly options: FakeKubeletOptions) {
    const { api, namespace } = options;
    const logger = createLogger({ level: "error", format: "text", write: (line) => process.stderr.write(line) });
    this.informer = new Informer({ api, place: { resource: pods, ...(namespace !== undefined && { namespace }) }, keep: (pod): KubeletPod => pod, random: systemRandom, logger });
    this.informer.onChange(() => this.look());
  }

  async start(): Promise<void> {
    const labels = { "kubernetes.io/hostname": nodeName, "topology.kubernetes.io/zone": zoneOfNode };
    await this.options.api.create({ resource: nodes }, { apiVersion: "v1", kind: "Node", metadata: { name: nodeName, labels } }).catch((thrown: unknown) => {
      if (!isApiError(thrown, "exists")) throw thrown;
    });
    this.informer.start();
  }

  /** Ends what it runs, too. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.informer.stop();
    await Promise.all([...this.known.values()].map(async ({ container }) => container?.stop()));
  }

  get runningCount(): number {
    return [...this.known.values()].filter(({ container }) => container !== undefined).length;
  }

  private look(): void {
    for (const pod of this.informer.items.values()) {
      const uid = pod.metadata?.uid ?? "";
      const known = this.known.get(uid);
      if (pod.metadata?.deletionTimestamp !== undefined) {
        if (known?.ending !== true) this.guard(this.end(pod, known));
      } else if (known === undefined && pod.status?.phase === "Pending") this.guard(this.begin(pod));
    }
  }

  private guard(work: Promise<void>): void {
    work.catch((thrown: unknown) => {
      if (!this.stopped) this.failures.push(thrown);
    });
  }

  private async begin(pod: KubeletPod): Promise<void> {
    const { api, podIp = (count: number) => `127.1.${count >> 8}.${count & 255}` } = this.options;
    const ip = podIp(++this.count);
    const known: Known = { ip, container: undefined, restarts: 0, ending: false };
    this.known.set(pod.metadata?.uid ?? "", known);
    if (pod.spec?.nodeName === undefined) {
      const body = { apiVersion: "v1", kind: "Binding", metadata: { name: nameOf(pod) }, ...{ target: { apiVersion: "v1", kind: "Node", name: nodeName } } };
      await this.persist(() => api.create({ ...placeOf(pod), subresource: "binding" }, body));
    }
    await this.runContainer(pod, known);
  }

  private async runContainer(pod: KubeletPod, known: Known): Promise<void> {
    await this.setStatus(pod, known, false);
    const container = await this.options.run?.(pod, known.ip);
    if (this.isEnding(known)) {
      await container?.stop();
      return;
    }
    known.container = container ?? { stop: () => Promise.resolve(), ended: new Promise(() => undefined) };
    void known.container.ended.then(() => {
      if (known.ending || this.stopped) return;
      known.restarts++;
      known.container = undefined;
      this.guard(this.runContainer(pod, known));
    });
    await this.setStatus(pod, known, true);
  }

  private isEnding(known: Known): boolean {
    return known.ending || this.stopped;
  }

  private async end(pod: KubeletPod, known: Known | undefined): Promise<void> {
    const uid = pod.metadata?.uid ?? "";
    const ending = known ?? { ip: "", container: undefined, restarts: 0, ending: true };
    ending.ending = true;
    this.known.set(uid, ending);
    await ending.container?.stop();
    ending.container = undefined;
    await this.persist(() => this.options.api.delete(placeOf(pod), { uid, gracePeriodSeconds: 0 }));
  }

  /** A kubelet's own report, ready or not. */
  async setStatus(pod: KubeletPod, { ip, restarts }: { readonly ip: string; readonly restarts: number }, ready: boolean): Promise<void> {
    const now = new Date(systemClock.wallMs()).toISOString().replace(/\.\d+Z/, "Z");
    const value = ready ? "True" : "False";
    const conditions = [
      ["Initialized", "True"],
      ["Ready", value],
      ["ContainersReady", value],
      ["PodScheduled", "True"],
    ].map(([type, status]) => ({ type, status, lastTransitionTime: now }));
    const containerStatuses = (pod.spec?.containers ?? []).map(({ name, image }) => ({
      name, image, imageID: "", containerID: `test://${pod.metadata?.uid ?? ""}`, ready, started: true, restartCount: restarts, state: { running: { startedAt: now } },
    }));
    // With the uid a pod of the same name that came after this one is left alone.
    const body = { metadata: { uid: pod.metadata?.uid }, status: { phase: "Running", podIP: ip, podIPs: [{ ip }], hostIP: "127.0.0.1", startTime: now, conditions, containerStatuses } };
    await this.persist(() => this.options.api.patch({ ...placeOf(pod), subresource: "status" }, "strategic", body));
  }

  /** As a kubelet does: until it is done or the pod is gone. */
  private async persist(work: () => Promise<unknown>): Promise<void> {
    while (!this.stopped) {
      try {
        await work();
        return;
      } catch (thrown) {
        if (isApiError(thrown, "not-found", "conflict", "exists")) return;
        if (!isApiError(thrown, "unreachable", "timeout", "busy", "server")) throw thrown;
        await delay(100);
      }
    }
  }
}

function nameOf(pod: KubeletPod): string {
  return pod.metadata?.name ?? "";
}

function placeOf(pod: KubeletPod): { resource: ResourceKind; namespace: string; name: string } {
  return { resource: pods, namespace: pod.metadata?.namespace ?? "", name: nameOf(pod) };
}
