/** The rule of suspects, from what the main thread hears and says: no two at one worker, no input at two, nobody waits for a desk that is free. */
import { must } from "./violation.js";

export interface Trial {
  readonly hash: string;
  readonly workers: readonly string[];
  /** "" while it waits. */
  worker: string;
  /** The answer was that it is poison. */
  isRefused: boolean;
  /** Since when it waits, or is tried. */
  sinceMs: number;
}

export class DeskRule {
  /** By shard and number. */
  private readonly trials = new Map<string, Trial>();
  /** When a trial ended last. */
  private freedMs = 0;

  find(shard: number, id: number): Trial | undefined {
    return this.trials.get(keyOf(shard, id));
  }

  onAsk(shard: number, { id, hash, workers }: { readonly id: number; readonly hash: string; readonly workers: readonly string[] }, nowMs: number): void {
    this.trials.set(keyOf(shard, id), { hash, workers, worker: "", isRefused: false, sinceMs: nowMs });
  }

  onAnswer(shard: number, id: number, worker: string, nowMs: number): void {
    const trial = this.find(shard, id);
    must(trial !== undefined && trial.worker === "" && !trial.isRefused, "the desk answers a question once", () => keyOf(shard, id));
    trial.sinceMs = nowMs;
    if (worker === "") {
      trial.isRefused = true;
      return;
    }
    must(trial.workers.includes(worker), "the desk grants a worker that was asked for", () => `${worker} of ${trial.workers.join()}`);
    for (const other of this.trials.values()) {
      must(other.worker !== worker, "no two suspects are at one worker", () => worker);
      must(other.worker === "" || other.hash !== trial.hash, "no suspect is tried at two workers at once", () => `${worker} and ${other.worker}`);
    }
    trial.worker = worker;
  }

  onDone(shard: number, id: number, nowMs: number): void {
    this.trials.delete(keyOf(shard, id));
    this.freedMs = nowMs;
  }

  onShardEnded(shard: number, nowMs: number): void {
    for (const key of [...this.trials.keys()]) if (key.startsWith(`${shard} `)) this.trials.delete(key);
    this.freedMs = nowMs;
  }

  /** Between two events: whoever waits, waits for somebody. */
  check(nowMs: number): void {
    const tried = [...this.trials.values()].filter(({ worker }) => worker !== "");
    for (const { hash, workers, worker, isRefused, sinceMs } of this.trials.values()) {
      if (worker !== "" || isRefused || nowMs === sinceMs || nowMs === this.freedMs) continue;
      const isHeld = tried.some((trial) => trial.hash === hash) || workers.every((wanted) => tried.some((trial) => trial.worker === wanted));
      must(isHeld, "no suspect waits for a worker without one", () => workers.join());
    }
  }

  /** At the end. */
  checkEmpty(): void {
    must(this.trials.size === 0, "no trial is open when the world is quiet", () => [...this.trials.keys()].join());
  }
}

function keyOf(shard: number, id: number): string {
  return `${shard} ${id}`;
}
