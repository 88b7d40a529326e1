/**
 * Whether a connected worker is trusted with traffic: consecutive failures eject it for a growing, jittered time, a
 * half-open probe brings it back, and it starts slowly. Pure functions on a plain state object per worker, shared by the
 * shard and the simulators; must not know connections. (A closed connection takes a worker out by itself.)
 *
 *     serving ──failures in a row, or `eject`──► ejected ──time is up──► probing ──answered──► serving, cold
 *                                                   ▲                       │
 *                                                   └──────── failed ───────┘
 */
import { assert } from "../base/assert.js";
import { jitter, type Random } from "../base/random.js";

export interface EjectionOptions {
  /** Failures in a row, of any kind, that eject: more than an unlucky pair of inputs, few enough to be retried in passing. */
  readonly failuresInRowMax: number;
  /** Timeouts in a row that eject: each costs a user the whole attempt's timeout, so fewer are needed. */
  readonly timeoutsInRowMax: number;
  /** The first ejection's time; each further one doubles it. */
  readonly ejectionMs: number;
  readonly ejectionMsMax: number;
  /** Spread of the time, so that shards do not probe in step. */
  readonly jitterFraction: number;
  /** Every so long a time served without an ejection takes one doubling back. */
  readonly forgiveMs: number;
  /** A probe with no outcome is given up after so long (its exchange may have been cancelled by the client). */
  readonly probeMsMax: number;
  /**
   * How long a new or returning worker takes to count in full, and with what part it starts. Not less: a cold worker that
   * is kept idle at high load costs more than its slow first answers (docs/decisions/0001-worker-choice.md).
   */
  readonly slowStartMs: number;
  readonly warmthMin: number;
  /**
   * Up to so many workers may be ejected whatever their share: among few a share makes no sense, and with
   * none left traffic goes to all of them anyway.
   */
  readonly ejectedAnyMax: number;
  /** Beyond that, at most this share of the connected: when most seem to fail, the cause is likely not theirs. */
  readonly ejectedShareMax: number;
}

export const ejectionDefaults: EjectionOptions = {
  failuresInRowMax: 5,
  timeoutsInRowMax: 3,
  ejectionMs: 1000,
  ejectionMsMax: 60_000,
  jitterFraction: 0.2,
  forgiveMs: 30_000,
  probeMsMax: 5000,
  slowStartMs: 5000,
  warmthMin: 0.5,
  ejectedAnyMax: 5,
  ejectedShareMax: 0.6,
};

export type HealthPhase =
  | { readonly kind: "serving"; readonly sinceMs: number }
  | { readonly kind: "ejected"; readonly sinceMs: number; readonly untilMs: number; readonly reason: string }
  | { readonly kind: "probing"; readonly sinceMs: number; readonly reason: string };

export interface Health {
  phase: HealthPhase;
  failuresInRow: number;
  timeoutsInRow: number;
  /** Ejections not yet forgiven: the exponent of the next one's time. */
  ejections: number;
  /** Until when a serving worker is still cold; 0 for one that never was. */
  warmAtMs: number;
}

/** What changed; the caller counts, logs and rebuilds its list of usable workers. */
export type HealthChange = "none" | "ejected" | "returned";

/** A worker that has just connected. `cold` is false for those a balancer finds at its own start: all are alike. */
export function newHealth(nowMs: number, cold: boolean, options: EjectionOptions = ejectionDefaults): Health {
  return {
    phase: { kind: "serving", sinceMs: nowMs },
    failuresInRow: 0,
    timeoutsInRow: 0,
    ejections: 0,
    warmAtMs: cold ? nowMs + options.slowStartMs : 0,
  };
}

/** Whether the worker takes ordinary traffic. An ejected one does only when `spreadsOverAll`. */
export function isServing(health: Health): boolean {
  return health.phase.kind === "serving";
}

/** In (0, 1]: the `warmth` of a Candidate. Grows linearly over the slow start. */
export function warmthAt(health: Health, nowMs: number, options: EjectionOptions = ejectionDefaults): number {
  const leftMs = health.warmAtMs - nowMs;
  if (leftMs <= 0) return 1;
  return Math.max(options.warmthMin, 1 - (1 - options.warmthMin) * (leftMs / options.slowStartMs));
}

/**
 * The worker answered an attempt sent at `sentMs`. Ends a run of failures; brings an ejected or probing worker back when it
 * was sent after the ejection (as a probe, or while traffic is spread over all).
 */
export function noteSuccess(health: Health, sentMs: number, nowMs: number, options: EjectionOptions = ejectionDefaults): HealthChange {
  if (health.phase.kind === "serving") {
    health.failuresInRow = 0;
    health.timeoutsInRow = 0;
    return "none";
  }
  if (sentMs < health.phase.sinceMs) return "none";
  enter(health, { kind: "serving", sinceMs: nowMs });
  health.warmAtMs = nowMs + options.slowStartMs;
  return "returned";
}

/** A failed attempt, as `noteFailure` needs it. */
export interface FailedAttempt {
  readonly timedOut: boolean;
  readonly sentMs: number;
  /** For people: shown as the reason of an ejection. */
  readonly reason: string;
}

/**
 * An attempt failed through the worker's fault (not: overloaded, rejected, cancelled). `mayEject` is the
 * caller's `mayEjectAnother` for the set. Attempts sent before the present phase began say nothing new: a
 * worker's death with fifty attempts in flight is one failure to it, not fifty doublings.
 */
export function noteFailure(
  health: Health,
  attempt: FailedAttempt,
  mayEject: boolean,
  nowMs: number,
  random: Random,
  options: EjectionOptions = ejectionDefaults,
): HealthChange {
  const { phase } = health;
  if (attempt.sentMs < phase.sinceMs) return "none";
  if (phase.kind === "probing") return eject(health, attempt.reason, nowMs, random, options);
  if (phase.kind === "ejected") return "none";
  health.failuresInRow++;
  health.timeoutsInRow = attempt.timedOut ? health.timeoutsInRow + 1 : 0;
  const overLimit = health.failuresInRow >= options.failuresInRowMax || health.timeoutsInRow >= options.timeoutsInRowMax;
  return overLimit && mayEject ? eject(health, attempt.reason, nowMs, random, options) : "none";
}

/** Ejects at once, or again: a failed probe, a wrong answer to a known question. */
export function eject(health: Health, reason: string, nowMs: number, random: Random, options: EjectionOptions = ejectionDefaults): "ejected" {
  if (health.phase.kind === "serving") {
    const forgiven = Math.floor((nowMs - health.phase.sinceMs) / options.forgiveMs);
    health.ejections = Math.max(0, health.ejections - forgiven);
  }
  // 2 ** 1024 is Infinity, which the minimum bounds like any other.
  const ejectionMs = Math.min(options.ejectionMsMax, options.ejectionMs * 2 ** health.ejections);
  health.ejections++;
  enter(health, { kind: "ejected", sinceMs: nowMs, untilMs: nowMs + jitter(random, ejectionMs, options.jitterFraction), reason });
  return "ejected";
}

/** Whether one probe should be sent now: the time is up, or the last probe never had an outcome. */
export function isProbeDue(health: Health, nowMs: number, options: EjectionOptions = ejectionDefaults): boolean {
  switch (health.phase.kind) {
    case "serving":
      return false;
    case "ejected":
      return nowMs >= health.phase.untilMs;
    case "probing":
      return nowMs >= health.phase.sinceMs + options.probeMsMax;
  }
}

/** Half-open: the caller sends one probe, whose outcome comes back through `noteSuccess` or `noteFailure`. */
export function beginProbe(health: Health, nowMs: number): void {
  assert(health.phase.kind !== "serving", "a serving worker needs no probe to return");
  enter(health, { kind: "probing", sinceMs: nowMs, reason: health.phase.reason });
}

/** Its connection was replaced: another process, most likely, which serves again, cold. What is not forgiven stays. */
export function noteReconnected(health: Health, nowMs: number, options: EjectionOptions = ejectionDefaults): void {
  enter(health, { kind: "serving", sinceMs: nowMs });
  health.warmAtMs = nowMs + options.slowStartMs;
}

/** Whether one more of `connected` workers may be ejected beside the `ejected` ones (those probing included). */
export function mayEjectAnother(ejected: number, connected: number, options: EjectionOptions = ejectionDefaults): boolean {
  return ejected < Math.max(options.ejectedAnyMax, Math.floor(connected * options.ejectedShareMax));
}

/** Panic: every connected worker is ejected, so all of them are used rather than none. */
export function spreadsOverAll(serving: number, connected: number): boolean {
  return serving === 0 && connected > 0;
}

function enter(health: Health, phase: HealthPhase): void {
  health.phase = phase;
  health.failuresInRow = 0;
  health.timeoutsInRow = 0;
}
