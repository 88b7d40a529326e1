/** Runs worlds by their seeds, and tells of the first one that breaks a rule: its seed, its diary, and how to see it again. */
import { messageOf } from "../../src/base/errors.js";
import { World } from "./world.js";

const diaryLinesShown = 120;

export interface SeedsResult {
  seeds: number;
  requests: number;
  attempts: number;
  virtualMs: number;
  /** What broke, for people; "" when nothing did. */
  failure: string;
}

/** All of `from` to `to`. `onSeed` is called after each, and says whether to go on. */
export async function runSeeds(from: number, to: number, onSeed: (result: SeedsResult, seed: number) => boolean = () => true): Promise<SeedsResult> {
  const result: SeedsResult = { seeds: 0, requests: 0, attempts: 0, virtualMs: 0, failure: "" };
  for (let seed = from; seed <= to; seed++) {
    const world = new World(seed, false);
    try {
      await world.run();
    } catch (error) {
      result.failure = `seed ${seed}: ${messageOf(error)}`;
      return result;
    }
    result.seeds++;
    result.requests += world.rules.requests.size;
    result.virtualMs += world.clock.nowMs();
    for (const { attempts } of world.rules.records.values()) result.attempts += attempts.length;
    if (!onSeed(result, seed)) break;
  }
  return result;
}

/** One seed, with its diary, or its end. "" in place of the violation when there is none. */
export async function replay(seed: number, lines = diaryLinesShown): Promise<{ readonly diary: string; readonly violation: string }> {
  const world = new World(seed, true);
  let violation = "";
  try {
    await world.run();
  } catch (error) {
    violation = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  const { lines: diary } = world.diary;
  return { diary: [diary[0], ...diary.slice(1).slice(-lines)].join("\n"), violation };
}
