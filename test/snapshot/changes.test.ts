import fc from "fast-check";
import t from "tap";
import { applyChanges, changesBetween, MisfitError } from "../../src/snapshot/changes.js";
import { checksumOf } from "../../src/snapshot/checksum.js";
import type { LanguageSnapshot } from "../../src/snapshot/snapshot.js";
import { keepUnchanged } from "../../src/snapshot/unchanged-parts.js";
import { randomLanguages } from "../support/random-snapshots.js";

const seed = Number(process.env["LINTEL_TEST_SEED"] ?? 20_265);

const python: LanguageSnapshot = {
  language: "python", extensions: [".py"], spill: true,
  versions: [{ version: "1", weight: 90, workers: [{ id: "a", host: "h", port: 1 }] }, { version: "2", weight: 10, workers: [] }],
};
const css: LanguageSnapshot = { language: "css", extensions: [], spill: false, versions: [] };

void t.test(`applied changes lead to the same checksum, and none are made between equals (seed ${seed})`, (t) => {
  fc.assert(
    fc.property(randomLanguages, randomLanguages, (before, after) => {
      const changes = changesBetween(before, after);
      const same = checksumOf(before).equals(checksumOf(after));
      return checksumOf(applyChanges(before, changes)).equals(checksumOf(after)) && (changes.length === 0) === same;
    }),
    { seed, numRuns: 300 },
  );
  t.end();
});

void t.test(`what did not change is kept as the same object, and nothing else (seed ${seed})`, (t) => {
  fc.assert(
    fc.property(randomLanguages, randomLanguages, (before, after) => {
      const kept = keepUnchanged(before, after);
      const equal = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);
      return equal(kept, after) && kept.every((language, index) => before.every((old) => (old === language) === equal(old, after[index])));
    }),
    { seed, numRuns: 300 },
  );
  t.equal(keepUnchanged([python, css], structuredClone([python, css]))[1], css);
  t.end();
});

void t.test("a change of one weight touches one version", (t) => {
  const [after, untouched] = applyChanges([python, css], [{ setVersion: { language: "python", version: "1", weight: 50 } }]);
  t.equal(untouched, css);
  t.equal(after?.versions[1], python.versions[1]);
  t.same(after?.versions[0], { ...python.versions[0], weight: 50 });
  t.equal(python.versions[0]?.weight, 90, "and the snapshot before stays as it was");
  t.end();
});

void t.test("changes that do not fit say what is missing", (t) => {
  const refusal = (change: Parameters<typeof applyChanges>[1][number]): string => {
    try {
      applyChanges([python], [change]);
    } catch (error) {
      return error instanceof MisfitError ? error.message : "";
    }
    return "";
  };
  t.equal(refusal({ setVersion: { language: "go", version: "1", weight: 1 } }), "there is no language go to change");
  t.equal(refusal({ removeWorker: { language: "python", version: "3", workerId: "a" } }), "there is no version python 3 to change");
  t.match(refusal({}), /a kind that this program does not know/);
  t.end();
});

void t.test("the checksum knows no order, and everything else", (t) => {
  const reversed = { ...python, versions: [...python.versions].reverse() };
  t.ok(checksumOf([python, css]).equals(checksumOf([css, reversed])));
  const others: LanguageSnapshot[] = [
    { ...python, spill: false }, { ...python, extensions: [] }, { ...python, language: "py" }, { ...python, versions: python.versions.slice(1) },
    { ...python, versions: python.versions.map((version) => ({ ...version, weight: version.weight + 1 })) },
    { ...python, versions: python.versions.map((version) => ({ ...version, workers: version.workers.map((worker) => ({ ...worker, port: 2 })) })) },
  ];
  t.equal(new Set([python, ...others].map((one) => checksumOf([one]).toString("hex"))).size, others.length + 1);
  // As docs/manager.md gives it, for those who write the other end in another language.
  t.equal(checksumOf([]).toString("hex"), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  t.end();
});
