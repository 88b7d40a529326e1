/**
 * What a request takes of whatever this worker has least of: its analysis threads, or its one network thread. Balancers are told
 * it with every reply (proto/lintel/v1/linter.proto, cost_micros). Pure: the times are arguments. Must not know gRPC or threads.
 */

/** Weight of one analysis, or of one look at the network thread, in the moving averages. */
const weight = 0.05;
/** A look at the network thread after so many replies: one costs as much as a reply. */
const repliesPerLook = 64;

export class RequestCost {
  /** Means over the last requests, in ms; 0 while nothing is known. */
  private analysisMs = 0;
  private networkMs = 0;
  private repliesSinceLook = 0;
  private activeMsAtLook = 0;

  /**
   * `threads` analyses run at once. `activeMs` tells for how long the network thread has been busy since some point in time (an event
   * loop's active time).
   */
  constructor(
    private readonly threads: number,
    private readonly activeMs: () => number,
  ) {
    this.activeMsAtLook = activeMs();
  }

  /** An analysis took `ms` of its thread. */
  noteAnalysis(ms: number): void {
    this.analysisMs += this.analysisMs === 0 ? ms : weight * (ms - this.analysisMs);
  }

  /** A reply is about to leave. Returns the cost of a request in whole microseconds, 0 while it is not known. */
  noteReply(): number {
    if (++this.repliesSinceLook >= repliesPerLook) {
      const now = this.activeMs();
      const ms = (now - this.activeMsAtLook) / this.repliesSinceLook;
      this.networkMs += this.networkMs === 0 ? ms : weight * (ms - this.networkMs);
      this.activeMsAtLook = now;
      this.repliesSinceLook = 0;
    }
    if (this.networkMs === 0) return 0;
    return Math.ceil(1_000 * Math.max(this.networkMs, this.analysisMs / this.threads));
  }
}
