/**
 * What managers tell each other of their balancers, in one ConfigMap: each has a key of its own, written by a merge that touches no
 * other, and watched by all. Must not know what a report says.
 */
import type { Clock, Timer } from "../../../base/clock.js";
import { messageOf } from "../../../base/errors.js";
import type { Logger } from "../../../base/logger.js";
import type { Random } from "../../../base/random.js";
import { isApiError } from "../../../kubernetes/api-error.js";
import type { ApiServer } from "../../../kubernetes/api-server.js";
import { Informer } from "../../../kubernetes/informer.js";
import { type ConfigMap, configMaps, type ObjectPlace } from "../../../kubernetes/objects.js";
import { type FleetExchange, type FleetReport, type HeardReport, reportIn } from "../../shared-fleet.js";

export interface FleetConfigMapOptions {
  readonly api: ApiServer;
  readonly namespace: string;
  /** Of the ConfigMap. */
  readonly name: string;
  /** Of this manager: another one for every process. */
  readonly manager: string;
  readonly random: Random;
  readonly logger: Logger;
  readonly times?: FleetConfigMapTimes;
}

export interface FleetConfigMapTimes {
  /** Acknowledgements of a change come within milliseconds of each other; they are written together. */
  readonly settleMs: number;
  /** Written anew though nothing changed, so that others know that this one is there. */
  readonly heartbeatMs: number;
  /** A key that did not change for so long is of a manager that is gone; any other removes it. */
  readonly removedMs: number;
}

export const defaultFleetConfigMapTimes: FleetConfigMapTimes = { settleMs: 20, heartbeatMs: 5_000, removedMs: 120_000 };

interface Entry {
  readonly text: string;
  readonly report: FleetReport | undefined;
  readonly heardMs: number;
}

export class FleetConfigMap implements FleetExchange {
  private readonly informer: Informer<Readonly<Record<string, string>>>;
  private readonly entries = new Map<string, Entry>();
  private readonly listeners: (() => void)[] = [];
  private readonly place: ObjectPlace & { readonly name: string };
  private readonly times: FleetConfigMapTimes;
  private readonly clock: Clock;
  private readonly key: string;
  private report: FleetReport = { balancers: [], waiting: [] };
  private beat = 0;
  private timer: Timer | undefined;
  private writing: Promise<void> | undefined;
  private isDirty = false;
  private closed = false;
  private complained = "";

  constructor(private readonly options: FleetConfigMapOptions) {
    const { api, namespace, name, manager, random, logger, times = defaultFleetConfigMapTimes } = options;
    this.place = { resource: configMaps, namespace, name };
    this.times = times;
    this.clock = api.clock;
    this.key = keyOf(manager);
    this.informer = new Informer({ api, place: { resource: configMaps, namespace }, fieldSelector: `metadata.name=${name}`, keep: (object) => (object as ConfigMap).data ?? {}, random, logger });
    this.informer.onChange(() => this.look());
  }

  start(): void {
    this.informer.start();
    this.later(0);
  }

  tell(report: FleetReport): void {
    this.report = report;
    this.isDirty = true;
    if (this.writing === undefined) this.later(this.times.settleMs);
  }

  others(): readonly HeardReport[] {
    return [...this.entries].flatMap(([key, { report, heardMs }]) => (key === this.key || report === undefined ? [] : [{ ...report, manager: key, heardMs }]));
  }

  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** Takes its key away: its balancers follow others from now on. */
  async close(): Promise<void> {
    this.closed = true;
    this.clock.clear(this.timer);
    await this.writing;
    await Promise.all([this.informer.stop(), this.patch({ [this.key]: null }).catch(() => undefined)]);
  }

  private later(ms: number): void {
    if (this.closed) return;
    this.clock.clear(this.timer);
    this.timer = this.clock.after(ms, () => {
      this.isDirty = false;
      this.writing = this.write().then((isWritten) => {
        this.writing = undefined;
        this.later(this.isDirty && isWritten ? this.times.settleMs : isWritten ? this.times.heartbeatMs : retryMs);
      });
    });
  }

  /** Never rejects. */
  private async write(): Promise<boolean> {
    const nowMs = this.clock.nowMs();
    const gone: readonly (readonly [string, null])[] = [...this.entries].filter(([key, { heardMs }]) => key !== this.key && nowMs - heardMs > this.times.removedMs).map(([key]) => [key, null] as const);
    try {
      await this.patch({ ...(Object.fromEntries(gone) as Readonly<Record<string, null>>), [this.key]: JSON.stringify({ beat: ++this.beat, ...this.report }) });
      this.complained = "";
      return true;
    } catch (thrown) {
      const reason = messageOf(thrown);
      if (reason !== this.complained) this.options.logger.warn("other managers cannot be told of this one's balancers", { reason });
      this.complained = reason;
      return false;
    }
  }

  private async patch(data: Readonly<Record<string, string | null>>): Promise<void> {
    const { api, namespace } = this.options;
    try {
      await api.patch(this.place, "merge", { data });
    } catch (thrown) {
      if (!isApiError(thrown, "not-found")) throw thrown;
      const kept = Object.fromEntries(Object.entries(data).filter((entry): entry is [string, string] => entry[1] !== null));
      await api.create<ConfigMap>({ resource: configMaps, namespace }, { apiVersion: "v1", kind: "ConfigMap", metadata: { name: this.place.name, labels: { "app.kubernetes.io/part-of": "lintel" } }, data: kept });
    }
  }

  private look(): void {
    const data = this.informer.items.get(this.place.name) ?? {};
    for (const key of this.entries.keys()) if (!(key in data)) this.entries.delete(key);
    for (const [key, text] of Object.entries(data)) {
      if (this.entries.get(key)?.text !== text) this.entries.set(key, { text, report: reportIn(text), heardMs: this.clock.nowMs() });
    }
    for (const listener of this.listeners) listener();
  }
}

const retryMs = 500;

/** A ConfigMap's keys have letters, digits and - _ . alone. */
function keyOf(manager: string): string {
  return manager.replace(/[^A-Za-z0-9._-]/g, "-").slice(0, 200);
}
