/**
 * Which zone each node is in, by list and watch. Nobody serves worse without it: where nodes may not be read, zones are not known. Must
 * not know pods.
 */
import type { Logger } from "../../../base/logger.js";
import type { Random } from "../../../base/random.js";
import type { ApiServer } from "../../../kubernetes/api-server.js";
import { Informer } from "../../../kubernetes/informer.js";
import { nodes } from "../../../kubernetes/objects.js";

export interface NodeZonesOptions {
  readonly api: ApiServer;
  readonly random: Random;
  readonly logger: Logger;
}

/** Nobody waits for it: where it is forbidden it is asked for once a minute. */
const retryDelayMaxMs = 60_000;

export class NodeZones {
  private readonly informer: Informer<string>;
  private readonly listeners: (() => void)[] = [];
  private known = "";

  constructor(options: NodeZonesOptions) {
    this.informer = new Informer({ ...options, place: { resource: nodes }, keep: ({ metadata }) => zoneIn(metadata?.labels), times: { retryDelayMaxMs } });
    this.informer.onChange(() => {
      const now = JSON.stringify([...this.informer.items]);
      if (now === this.known) return;
      this.known = now;
      for (const listener of this.listeners) listener();
    });
  }

  /** "" when it is not known. */
  zoneOf(node: string): string {
    // Nodes are in no namespace.
    return this.informer.items.get(`/${node}`) ?? "";
  }

  /** Called when a zone is another one; nodes say all the time that they live, which is no change. */
  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  whenSynced(): Promise<void> {
    return this.informer.whenSynced();
  }

  start(): void {
    this.informer.start();
  }

  stop(): Promise<void> {
    return this.informer.stop();
  }
}

/** Of a node; newer clusters put the label on pods, too. */
export function zoneIn(labels: Readonly<Record<string, string>> | undefined): string | undefined {
  return labels?.["topology.kubernetes.io/zone"] ?? labels?.["failure-domain.beta.kubernetes.io/zone"];
}
