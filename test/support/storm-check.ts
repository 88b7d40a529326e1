/** What must be true after a storm of changes (change-storm.ts) or two writers (two-writers.ts), from what was told, what is stored and what was recorded. */
import type { Test } from "tap";
import { configurationFrom } from "../../src/manager/store/stored-text.js";
import type { StormOutcome } from "./change-storm.js";

/** `told` has for each writer the revision of each version that it registered. */
export function checkWriters(t: Test, told: readonly ReadonlyMap<string, number>[], storeText: string): void {
  const { revision, languages } = configurationFrom(storeText, "the store");
  const all = told.flatMap((one) => [...one]);
  t.equal(revision, all.length, "one revision for each change");
  t.same(languages[0]?.versions.map(({ version }) => version).sort(), all.map(([version]) => version).sort(), "every change is there");
  t.same(all.map(([, at]) => at).sort((a, b) => a - b), Array.from(all, (_, index) => index + 1), "no revision was told to both");
  for (const one of told) t.same([...one.values()], [...one.values()].sort((a, b) => a - b), "and each writer saw them grow");
}

export function checkStorm(t: Test, { acknowledged, seen, kills, repeated, madeBefore }: StormOutcome, storeText: string, auditText: string, changes: number): void {
  const stored = configurationFrom(storeText, "the store");
  t.comment(`${kills} kills, ${repeated} changes sent again (${madeBefore} had been made), revision ${stored.revision}`);
  t.ok(kills > 0, "it was killed");
  t.equal(acknowledged.length, changes, "every change was acknowledged in the end");
  // One change registered the version. Each of the others is one revision, told once and made once.
  t.same(acknowledged.map(({ revision }) => revision), Array.from({ length: changes }, (_, index) => index + 2), "every one made the next revision");
  t.equal(stored.revision, changes + 1, "and nothing else made one");
  t.equal(stored.languages[0]?.versions[0]?.weight, changes, "the last one is what is stored");
  for (const { revision, requestId, what } of stored.history.slice(-Math.min(changes, 100))) {
    const told = acknowledged[revision - 2];
    if (told !== undefined && (told.requestId !== requestId || what !== `weights python 1=${told.weight}`)) t.fail(`revision ${revision} is not the change that was acknowledged as it: ${what}`);
  }
  t.ok(seen.every((revision, index) => index === 0 || revision >= (seen[index - 1] ?? 0)), "no revision was ever lower than one seen before");
  const recorded = auditText.trimEnd().split("\n").flatMap(revisionsMade);
  t.same([...new Set(recorded)].sort((a, b) => a - b), Array.from({ length: changes + 1 }, (_, index) => index + 1), "the audit log has every revision");
}

function revisionsMade(line: string): number[] {
  try {
    const { outcome, revision } = JSON.parse(line) as { outcome: string; revision: number };
    return outcome === "done" ? [revision] : [];
  } catch {
    // Cut off by a kill; recorded again at the next start.
    return [];
  }
}
