/** What users send in the simulator: a source says itself what it does to a worker, and what its report must be. */
import { createHash } from "node:crypto";

export const effects = ["none", "rejected", "kills-process", "kills-analysis", "crashes-analysis", "loops"] as const;
export type Effect = (typeof effects)[number];

export interface Input {
  readonly key: string;
  readonly effect: Effect;
  readonly source: Uint8Array;
}

/** How the keys of inputs begin that are only sent again after the answer. */
export const alone = "alone-";

export function inputOf(key: string, effect: Effect, bytes: number): Input {
  return { key, effect, source: Buffer.from(`${effects.indexOf(effect)}${key}:`.padEnd(bytes, "x")) };
}

export function effectOf(source: Uint8Array): Effect {
  return effects[source[0]! - "0".charCodeAt(0)] ?? "none";
}

export function keyOf(source: Uint8Array): string {
  const text = Buffer.from(source).toString();
  return text.slice(1, text.indexOf(":"));
}

/** What every worker that is right answers. A fresh copy. */
export function reportOf(source: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from("report of "), source]);
}

export const wrongReport = Buffer.from("not a report");

const selfTestSource = Buffer.from("0self-test:");
export const selfTest = { source: selfTestSource, filename: "self-test", reportSha256: createHash("sha256").update(reportOf(selfTestSource)).digest() };
