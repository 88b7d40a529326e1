// What holds of every change, whatever was changed before. Random sequences, repeated from a seed.
import fc from "fast-check";
import { isDeepStrictEqual } from "node:util";
import t from "tap";
import { type Change, defaultChangeLimits } from "../../../src/manager/changes/change.js";
import { applyChange } from "../../../src/manager/changes/changes.js";
import { differencesOf } from "../../../src/manager/changes/differences.js";
import { configurationFrom, textOf } from "../../../src/manager/store/stored-text.js";
import { emptyConfiguration, type StoredConfiguration } from "../../../src/manager/stored-configuration.js";
import { parseConfiguration } from "../../../src/snapshot/configuration.js";
import { anyChange, context } from "../../support/stored-configurations.js";

const seed = Number(process.env["LINTEL_TEST_SEED"] ?? 50_505);
const run = { seed, numRuns: 200 };
const changes = fc.array(anyChange, { minLength: 1, maxLength: 25, size: "max" });

interface Step {
  readonly before: StoredConfiguration;
  readonly change: Change;
  readonly after: StoredConfiguration;
}

/** Everything frozen, so that a change that alters what it was given throws. */
function frozen<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) frozen(inner);
  }
  return value;
}

/** The changes that were taken, and each with the configuration before and after it. */
function stepsOf(given: readonly Change[]): { steps: Step[]; final: StoredConfiguration } {
  const steps: Step[] = [];
  let current = frozen(emptyConfiguration);
  for (const change of given) {
    const result = applyChange(current, frozen(change), context);
    if (result.kind !== "next") continue;
    steps.push({ before: current, change, after: frozen(result.next) });
    current = result.next;
  }
  return { steps, final: current };
}

const content = ({ languages, drained }: StoredConfiguration): unknown => ({ languages, drained });

void t.test(`a change that is taken makes the next revision, with an entry that tells of it (seed ${seed})`, (t) => {
  let taken = 0;
  fc.assert(
    fc.property(changes, (given) => {
      for (const { before, after } of stepsOf(given).steps) {
        taken += 1;
        const entry = after.history.at(-1);
        if (after.revision !== before.revision + 1 || entry?.revision !== after.revision) throw new Error(`revision ${after.revision} after ${before.revision}, entry ${entry?.revision}`);
        if (isDeepStrictEqual(content(before), content(after))) throw new Error("taken, and nothing differs");
        if (entry.differences.length === 0 || entry.what === "") throw new Error("no difference is told");
      }
    }),
    run,
  );
  t.ok(taken > 300, `${taken} changes were taken`);
  t.end();
});

void t.test("what is refused says so in one sentence that a person can use", (t) => {
  const sentences = new Set<string>();
  fc.assert(
    fc.property(changes, anyChange, (given, change) => {
      const result = applyChange(stepsOf(given).final, change, context);
      if (result.kind === "refused") sentences.add(result.message);
    }),
    run,
  );
  t.ok(sentences.size > 30, `${sentences.size} different refusals`);
  for (const sentence of sentences) {
    if (sentence.length < 25 || /\n|undefined|NaN|\[object/.test(sentence) || !/;|:/.test(sentence)) t.fail(`not a sentence that says what to do: ${sentence}`);
  }
  t.end();
});

void t.test("undo goes back exactly, to any revision, and can itself be undone", (t) => {
  let undone = 0;
  fc.assert(
    fc.property(changes, fc.nat(), (given, choice) => {
      const { steps, final } = stepsOf(given);
      const step = steps[choice % Math.max(1, steps.length)];
      if (step === undefined) return;
      const result = applyChange(final, { kind: "undo", revision: step.after.revision }, context);
      if (result.kind === "refused") throw new Error(result.message);
      if (result.kind === "unchanged") {
        if (!isDeepStrictEqual(content(final), content(step.before))) throw new Error("unchanged, and not what it was");
        return;
      }
      undone += 1;
      if (!isDeepStrictEqual(content(result.next), content(step.before))) throw new Error("not what it was before");
      const again = applyChange(result.next, { kind: "undo", revision: 0 }, context);
      if (again.kind !== "next" || !isDeepStrictEqual(content(again.next), content(final))) throw new Error("undoing the undo does not lead back");
      if (again.next.revision !== final.revision + 2) throw new Error("an undo is a revision of its own");
    }),
    run,
  );
  t.ok(undone > 100, `${undone} times something was undone`);
  t.end();
});

void t.test("every configuration survives being stored, and is one that a configuration file could hold", (t) => {
  fc.assert(
    fc.property(changes, (given) => {
      const { final } = stepsOf(given);
      if (!isDeepStrictEqual(configurationFrom(textOf(final), "a test"), final)) throw new Error("it reads back differently");
      if (textOf(final) !== `${JSON.stringify(final)}\n`) throw new Error("parts that were written before are not written the same again");
      const names = final.languages.map(({ language }) => language);
      if (!isDeepStrictEqual(names, [...names].sort())) throw new Error(`not by name: ${names.join()}`);
      const result = parseConfiguration(fileOf(final), "f");
      if (result.kind === "invalid") throw new Error(JSON.stringify(result.problems));
    }),
    run,
  );
  t.end();
});

/** As a configuration file, without what only a platform with images can run. */
function fileOf({ languages }: StoredConfiguration): string {
  const inFile = languages.map(({ language, extensions, spill, versions }) => {
    const versionsInFile = versions.map(({ version, weight, workers, source }) => {
      const run = source?.kind === "run" ? { ...source.run, kind: undefined } : undefined;
      return { version, weight, workers: workers.map(({ id }) => id), run };
    });
    return [language, { extensions, spill, versions: versionsInFile }];
  });
  return JSON.stringify({ languages: Object.fromEntries(inFile) as unknown });
}

void t.test("what differs is told the same of parts that were kept as of parts that were read anew", (t) => {
  fc.assert(
    fc.property(changes, (given) => {
      for (const { before, after } of stepsOf(given).steps) {
        const told = differencesOf(before, after, 100);
        if (!isDeepStrictEqual(told, differencesOf(structuredClone(before), structuredClone(after), 100))) throw new Error(told.join("; "));
      }
    }),
    run,
  );
  t.end();
});

void t.test("weights are the whole set: what was not named has none", (t) => {
  fc.assert(
    fc.property(changes, (given) => {
      for (const { change, after } of stepsOf(given).steps) {
        if (change.kind !== "weights") continue;
        const wanted = new Map(change.weights.map(({ version, weight }) => [version, weight]));
        for (const { version, weight } of after.languages.find(({ language }) => language === change.language)!.versions) {
          if (weight !== (wanted.get(version) ?? 0)) throw new Error(`${version} has ${weight}`);
        }
      }
    }),
    run,
  );
  t.end();
});

void t.test("the history is bounded, keeps the newest, and goes back as far as it says", (t) => {
  fc.assert(
    fc.property(fc.array(anyChange, { minLength: 10, maxLength: 40, size: "max" }), fc.constantFrom(1, 3), fc.constantFrom(1, 1_000_000), (given, historyEntriesMax, historyBytesMax) => {
      const limits = { ...defaultChangeLimits, historyEntriesMax, historyBytesMax };
      let current = emptyConfiguration;
      for (const change of given) {
        const result = applyChange(current, change, { ...context, limits });
        if (result.kind === "next") current = result.next;
      }
      if (current.revision === 0) return;
      const kept = historyBytesMax === 1 ? 1 : Math.min(historyEntriesMax, current.revision);
      const revisions = current.history.map(({ revision }) => revision);
      if (!isDeepStrictEqual(revisions, Array.from({ length: kept }, (_, index) => current.revision - kept + 1 + index))) throw new Error(`kept ${revisions.join()} of ${current.revision}`);
      const older = applyChange(current, { kind: "undo", revision: current.revision - kept }, context);
      if (current.revision > kept && older.kind !== "refused") throw new Error("what is not remembered was undone");
    }),
    run,
  );
  t.end();
});
