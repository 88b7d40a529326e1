/**
 * Where all shards ask before they try an input on which a worker broke: so that no two shards try the same
 * one at once, no two suspects are at one worker (a second breakdown has one culprit), and what one shard found
 * binds all others from that moment. Suspects are rare; everything here is plain and linear. Pure: answers
 * go through a callback; must not know threads.
 */
import type { PoisonMemory, Verdict } from "./poison.js";

/** One shard's wish to try one input. */
export interface SuspectAsk {
  readonly shard: number;
  /** Unique for the shard. */
  readonly id: number;
  readonly hash: string;
  /** Where it could be tried, best first. At least one. */
  readonly workers: readonly string[];
}

/** `worker` may be tried with it now; "" says that the input is poison. */
export type AnswerSuspect = (ask: SuspectAsk, worker: string) => void;

/** What one shard found on an input. */
export interface Finding {
  readonly hash: string;
  /** The worker that broke on it, or that answered it. */
  readonly worker: string;
  readonly version: string;
  readonly broke: boolean;
  /** Whether it was the only suspect there, as this desk arranges it. */
  readonly alone: boolean;
}

/** The rule that the desk and every shard's own memory follow alike. Returns what the input is now. */
export function noteFinding(memory: PoisonMemory, { hash, worker, version, broke, alone }: Finding, nowMs: number): Verdict {
  if (broke) return memory.blame(hash, worker, nowMs, { version, alone });
  memory.absolve(hash, version);
  return memory.verdict(hash, nowMs);
}

interface Trial {
  readonly ask: SuspectAsk;
  /** "" while it waits. */
  worker: string;
}

export class SuspectDesk {
  /** In the order they were asked. */
  private readonly trials: Trial[] = [];

  constructor(
    private readonly memory: PoisonMemory,
    private readonly answer: AnswerSuspect,
  ) {}

  /** How many asks wait and trials go on. */
  get size(): number {
    return this.trials.length;
  }

  ask(ask: SuspectAsk, nowMs: number): void {
    this.trials.push({ ask, worker: "" });
    this.serve(nowMs);
  }

  /** The trial is over, or nobody wants it any more. Unknown ones are ignored. */
  done(shard: number, id: number, nowMs: number): void {
    this.drop((trial) => trial.ask.shard === shard && trial.ask.id === id);
    this.serve(nowMs);
  }

  note(finding: Finding, nowMs: number): void {
    noteFinding(this.memory, finding, nowMs);
    this.serve(nowMs);
  }

  /** The shard is gone with all it had. */
  shardEnded(shard: number, nowMs: number): void {
    this.drop((trial) => trial.ask.shard === shard);
    this.serve(nowMs);
  }

  private drop(over: (trial: Trial) => boolean): void {
    for (let index = this.trials.length - 1; index >= 0; index--) {
      const trial = this.trials[index];
      if (trial !== undefined && over(trial)) this.trials.splice(index, 1);
    }
  }

  private serve(nowMs: number): void {
    const workers = new Set<string>();
    const hashes = new Set<string>();
    for (const { ask, worker } of this.trials) {
      if (worker === "") continue;
      workers.add(worker);
      hashes.add(ask.hash);
    }
    for (const trial of [...this.trials]) {
      const { ask } = trial;
      if (trial.worker !== "") continue;
      if (this.memory.verdict(ask.hash, nowMs) === "poison") {
        this.trials.splice(this.trials.indexOf(trial), 1);
        this.answer(ask, "");
        continue;
      }
      const free = hashes.has(ask.hash) ? undefined : ask.workers.find((worker) => !workers.has(worker));
      if (free === undefined) continue;
      trial.worker = free;
      workers.add(free);
      hashes.add(ask.hash);
      this.answer(ask, free);
    }
  }
}
