/**
 * What V8's garbage collector does on the threads that serve, read from what `node --trace-gc` prints: all but the one that is heard from first,
 * which is the main thread. That one cleans up after its start for some seconds, and no request waits for it. Must not know who prints it.
 */

export interface Collections {
  /** Collections of young objects: a fraction of a millisecond each. */
  readonly scavenges: number;
  /** Collections of everything: these are what tails are made of. */
  readonly markCompacts: number;
  /** How long the threads stood still for either. */
  readonly pauseMs: number;
}

export const noCollections: Collections = { scavenges: 0, markCompacts: 0, pauseMs: 0 };

/** `[7:0x5581d0] 1043 ms: Scavenge 12.1 (14.4) -> 11.4 (17.9) MB, 1.0 / 0.0 ms …` */
const line = /^\[\d+:(0x[0-9a-f]+)\].*ms: (Scavenge|Mark-Compact|Mark-sweep)\b.* MB, ([\d.]+) \//;

/** Counts in a text that comes in pieces. */
export class CollectionCounter {
  counts: Collections = noCollections;
  private rest = "";
  private main = "";

  add(text: string): void {
    const lines = (this.rest + text).split("\n");
    this.rest = lines.pop() ?? "";
    for (const one of lines) this.count(one);
  }

  private count(text: string): void {
    const found = line.exec(text);
    if (found === null) return;
    const [, thread = "", kind, pause] = found;
    if (this.main === "") this.main = thread;
    if (thread === this.main) return;
    const { scavenges, markCompacts, pauseMs } = this.counts;
    const isScavenge = kind === "Scavenge";
    this.counts = {
      scavenges: scavenges + (isScavenge ? 1 : 0),
      markCompacts: markCompacts + (isScavenge ? 0 : 1),
      pauseMs: pauseMs + Number(pause),
    };
  }
}

export function collectionsBetween(before: Collections, after: Collections): Collections {
  return {
    scavenges: after.scavenges - before.scavenges,
    markCompacts: after.markCompacts - before.markCompacts,
    pauseMs: after.pauseMs - before.pauseMs,
  };
}
