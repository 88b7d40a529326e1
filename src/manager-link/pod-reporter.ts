/**
 * Writes a balancer's report on its own Pod, as a condition of its status: that needs no right to change any pod. Must not know
 * what a report says.
 */
import type { Clock, Timer } from "../base/clock.js";
import { messageOf } from "../base/errors.js";
import type { Logger } from "../base/logger.js";
import type { ApiServer } from "../kubernetes/api-server.js";
import { pods, reportCondition } from "../kubernetes/objects.js";
import { type BalancerReport, reportText } from "../snapshot/balancer-report.js";
import type { BalancerReporter } from "./kubernetes-link.js";

export interface PodReporterOptions {
  readonly api: ApiServer;
  readonly namespace: string;
  /** Of this Pod. */
  readonly pod: string;
  readonly logger: Logger;
  readonly times?: PodReporterTimes;
}

export interface PodReporterTimes {
  /** Shards swap within milliseconds of each other; what they come to is written once. */
  readonly settleMs: number;
  readonly retryMs: number;
}

export const defaultPodReporterTimes: PodReporterTimes = { settleMs: 20, retryMs: 1_000 };

export class PodReporter implements BalancerReporter {
  private readonly clock: Clock;
  private readonly times: PodReporterTimes;
  private newest: BalancerReport | undefined;
  private written = "";
  private timer: Timer | undefined;
  private writing: Promise<void> | undefined;
  private complained = "";
  private closed = false;

  constructor(private readonly options: PodReporterOptions) {
    this.clock = options.api.clock;
    this.times = options.times ?? defaultPodReporterTimes;
  }

  tell(report: BalancerReport): void {
    this.newest = report;
    if (this.timer === undefined && this.writing === undefined && reportText(report) !== this.written) this.later(this.times.settleMs);
  }

  async close(): Promise<void> {
    this.closed = true;
    this.clock.clear(this.timer);
    await this.writing;
  }

  private later(ms: number): void {
    if (this.closed) return;
    this.timer = this.clock.after(ms, () => {
      this.timer = undefined;
      this.writing = this.write().then((isWritten) => {
        this.writing = undefined;
        if (!isWritten) this.later(this.times.retryMs);
        else if (this.newest !== undefined) this.tell(this.newest);
      });
    });
  }

  /** Never rejects. */
  private async write(): Promise<boolean> {
    const { api, namespace, pod, logger } = this.options;
    const report = this.newest;
    if (report === undefined) return true;
    const text = reportText(report);
    const condition = { type: reportCondition, status: report.ready ? "True" : "False", reason: `Revision${report.acked}`, message: text, lastTransitionTime: new Date(this.clock.wallMs()).toISOString().replace(/\.\d+Z$/, "Z") };
    try {
      // By the condition's type: the kubelet's own stay.
      await api.patch({ resource: pods, namespace, name: pod, subresource: "status" }, "strategic", { status: { conditions: [condition] } });
      this.written = text;
      this.complained = "";
      return true;
    } catch (thrown) {
      const reason = messageOf(thrown);
      if (reason !== this.complained) logger.warn("this balancer cannot say on its Pod what it serves; trying again", { reason });
      this.complained = reason;
      return false;
    }
  }
}
