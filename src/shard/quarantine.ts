/**
 * Keeps inputs that end workers from costing more than two. An input on which one worker broke is suspect:
 * its next attempt goes to a worker where no other suspect of this shard is, so that a second breakdown has one
 * culprit. Two different workers make it poison, refused unseen for a while. Must not know HTTP.
 */
import { createHash } from "node:crypto";
import type { PoisonMemory} from "../balancing/poison.js";
import { type Verdict } from "../balancing/poison.js";
import type { ActiveWorker } from "./active-worker.js";
import type { Exchange } from "./exchange.js";

/** One shard's finding on an input: a worker broke on it, or, with "", one answered it. */
export interface Finding {
  readonly hash: string;
  readonly brokenWorker: string;
}

export class Quarantine {
  /** Suspects that wait for a worker without one, in the order they came. */
  private readonly waiting: Exchange[] = [];

  constructor(
    private readonly memory: PoisonMemory,
    /** Tells the other shards, each of which may have one worker's word against the same input. */
    private readonly tellOthers: (finding: Finding) => void,
  ) {}

  /** What is remembered of an input. The usual case, nothing at all, costs no hash. */
  verdictOf(exchange: Exchange, nowMs: number): Verdict {
    return this.memory.isEmpty ? "unknown" : this.memory.verdict(hashOf(exchange), nowMs);
  }

  /** A worker broke on it. Returns what it is now. */
  blame(exchange: Exchange, worker: ActiveWorker, nowMs: number): Verdict {
    const hash = hashOf(exchange);
    this.tellOthers({ hash, brokenWorker: worker.id });
    return this.memory.blame(hash, worker.id, nowMs);
  }

  /** A worker answered it: what broke the other one was something else. */
  absolve(exchange: Exchange): void {
    const hash = hashOf(exchange);
    this.tellOthers({ hash, brokenWorker: "" });
    this.memory.absolve(hash);
  }

  /** What another shard found. */
  hear({ hash, brokenWorker }: Finding, nowMs: number): void {
    if (brokenWorker === "") this.memory.absolve(hash);
    else this.memory.blame(hash, brokenWorker, nowMs);
  }

  wait(exchange: Exchange): void {
    this.waiting.push(exchange);
  }

  leave(exchange: Exchange): void {
    const index = this.waiting.indexOf(exchange);
    if (index >= 0) this.waiting.splice(index, 1);
  }

  /** A suspect's attempt ended, or the workers changed: those that wait look again. */
  wake(): void {
    for (const exchange of this.waiting.splice(0)) exchange.resume();
  }

  forgetExpired(nowMs: number): void {
    this.memory.forgetExpired(nowMs);
  }
}

/** The same bytes under another name or with other options are another input: they may take another path in a linter. */
function hashOf({ request }: Exchange): string {
  const hash = createHash("sha256");
  hash.update(`${request.language.language}\0${request.filename}\0${request.optionsJson}\0`);
  return hash.update(request.source).digest("base64");
}
