/**
 * Remembers inputs on which workers crash or run out of time, so that no input costs more than two
 * workers. Pure; knows inputs only by a hash that the caller computes, workers only by their id.
 *
 * One worker makes an input suspect: it may have been the worker's own end. A second, different worker makes it
 * poison, and so does the same one, started again, when the input was tried there as the only suspect: with one worker there is
 * no other. A success absolves a suspect: whatever else was in flight when a worker died is retried, succeeds, and is
 * forgotten, so that the same innocent file seen at two deaths is not condemned. Only a success of the same version: another
 * one's linter may well survive what ends this one's.
 */

export interface PoisonOptions {
  /** Hashes kept of each kind; the oldest goes first. About 150 bytes each. */
  readonly entriesMax: number;
  /** How long one worker's end is held against an input: a user's or a CI job's second and third try. */
  readonly suspectMs: number;
  /** How long poison is refused unseen; then it may cost two workers again (it may have been mended by a new version). */
  readonly poisonMs: number;
}

export const poisonDefaults: PoisonOptions = { entriesMax: 4096, suspectMs: 60_000, poisonMs: 600_000 };

export type Verdict = "unknown" | "suspect" | "poison";

/** How a worker came to break on an input. */
export interface Circumstances {
  /** Of the worker. */
  readonly version: string;
  /** Whether it was tried there as the only suspect. */
  readonly alone: boolean;
}

const unknownCircumstances: Circumstances = { version: "", alone: false };

/** What one memory tells another one; plain data. */
export interface Remembered {
  readonly hash: string;
  readonly isPoison: boolean;
  /** Of the worker that broke on a suspect; "" for poison. */
  readonly worker: string;
  readonly version: string;
  /** Threads have clocks of their own. */
  readonly leftMs: number;
}

interface Suspect {
  readonly worker: string;
  readonly version: string;
  readonly untilMs: number;
}

export class PoisonMemory {
  readonly #options: PoisonOptions;
  /** Both in the order of their expiry, as Maps keep insertion order and each kind lives equally long. */
  readonly #suspects = new Map<string, Suspect>();
  readonly #poison = new Map<string, number>();

  constructor(options: PoisonOptions = poisonDefaults) {
    this.#options = options;
  }

  /** Nothing is remembered: the caller need not even compute a hash. The usual case. */
  get isEmpty(): boolean {
    return this.#poison.size === 0 && this.#suspects.size === 0;
  }

  /** How many hashes are held, expired ones included; for metrics. */
  get size(): number {
    return this.#poison.size + this.#suspects.size;
  }

  verdict(hash: string, nowMs: number): Verdict {
    const poisonUntilMs = this.#poison.get(hash);
    if (poisonUntilMs !== undefined && nowMs < poisonUntilMs) return "poison";
    const suspect = this.#suspects.get(hash);
    return suspect !== undefined && nowMs < suspect.untilMs ? "suspect" : "unknown";
  }

  /** The worker that broke on a suspect; "" when it is none. */
  brokenWorker(hash: string, nowMs: number): string {
    const suspect = this.#suspects.get(hash);
    return suspect !== undefined && nowMs < suspect.untilMs ? suspect.worker : "";
  }

  /**
   * `worker` crashed or ran out of time on the input. Returns what the input is now; one end of one worker, told by
   * many, is still one.
   */
  blame(hash: string, worker: string, nowMs: number, { version, alone }: Circumstances = unknownCircumstances): Verdict {
    const before = this.verdict(hash, nowMs);
    if (before === "poison") return before;
    const suspect = this.#suspects.get(hash);
    this.#suspects.delete(hash);
    if (before === "suspect" && suspect !== undefined && (alone || suspect.worker !== worker)) {
      this.#poison.delete(hash);
      this.#poison.set(hash, nowMs + this.#options.poisonMs);
      makeRoom(this.#poison, this.#options.entriesMax);
      return "poison";
    }
    this.#suspects.set(hash, { worker, version, untilMs: nowMs + this.#options.suspectMs });
    makeRoom(this.#suspects, this.#options.entriesMax);
    return "suspect";
  }

  /** A worker of this version answered the input: it was not the cause. What is poison already stays it until it expires. */
  absolve(hash: string, version = ""): void {
    if (this.#suspects.get(hash)?.version === version) this.#suspects.delete(hash);
  }

  /** All of it, oldest first. */
  remembered(nowMs: number): readonly Remembered[] {
    const poison = [...this.#poison].map(([hash, untilMs]) => ({ hash, isPoison: true, worker: "", version: "", leftMs: untilMs - nowMs }));
    const suspects = [...this.#suspects].map(([hash, { worker, version, untilMs }]) => ({ hash, isPoison: false, worker, version, leftMs: untilMs - nowMs }));
    return [...poison, ...suspects];
  }

  /** Takes over what another memory remembers; to be called before anything else is told. */
  recall(remembered: readonly Remembered[], nowMs: number): void {
    for (const { hash, isPoison, worker, version, leftMs } of remembered) {
      if (isPoison) this.#poison.set(hash, nowMs + leftMs);
      else this.#suspects.set(hash, { worker, version, untilMs: nowMs + leftMs });
    }
  }

  /** Drops what has expired, so that `isEmpty` becomes true again; to be called every now and then. */
  forgetExpired(nowMs: number): void {
    for (const [hash, untilMs] of this.#poison) {
      if (nowMs < untilMs) break;
      this.#poison.delete(hash);
    }
    for (const [hash, suspect] of this.#suspects) {
      if (nowMs < suspect.untilMs) break;
      this.#suspects.delete(hash);
    }
  }
}

function makeRoom(map: Map<string, unknown>, entriesMax: number): void {
  if (map.size <= entriesMax) return;
  const oldest = map.keys().next();
  if (oldest.done !== true) map.delete(oldest.value);
}
