/**
 * What a balancer without a manager says of itself where everybody can read it: what is active on its shards, and how it
 * stands. Must not know where it is written.
 */

export interface BalancerReport {
  /** Of its process. */
  readonly instance: string;
  /** The last revision that is active on every shard. */
  readonly acked: number;
  readonly ackedUnixMs: number;
  readonly shards: readonly number[];
  readonly ready: boolean;
  /** Why it is not ready, or refused what is newest; "" when all is well. */
  readonly reason: string;
  readonly waiting: readonly { readonly language: string; readonly version: string; readonly shard: string; readonly reason: string }[];
  /** The program's version. */
  readonly program: string;
}

export function reportText(report: BalancerReport): string {
  return JSON.stringify(report);
}

/** Undefined for what no balancer wrote. */
export function reportFrom(text: string): BalancerReport | undefined {
  try {
    const report = JSON.parse(text) as Partial<BalancerReport> | null;
    return typeof report?.instance === "string" && typeof report.acked === "number" && Array.isArray(report.shards) && Array.isArray(report.waiting) ? (report as BalancerReport) : undefined;
  } catch {
    return undefined;
  }
}
