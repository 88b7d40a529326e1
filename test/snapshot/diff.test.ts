import fc from "fast-check";
import t from "tap";
import { diffSnapshots, renderChange, renderDiff, type SnapshotChange } from "../../src/snapshot/diff.js";
import { emptySnapshot, type LanguageSnapshot, type Snapshot, type VersionSnapshot, type WorkerEndpoint } from "../../src/snapshot/snapshot.js";
import { randomLanguages } from "../support/random-snapshots.js";

const seed = Number(process.env["LINTEL_TEST_SEED"] ?? 20_263);

const worker = (id: string, port = 1): WorkerEndpoint => ({ id, host: "h", port });
const python = (...versions: readonly VersionSnapshot[]): LanguageSnapshot => ({ language: "python", extensions: [".py"], spill: true, versions });
const snapshot = (...languages: readonly LanguageSnapshot[]): Snapshot => ({ revision: 1, nonce: 1, languages });
const lines = (before: Snapshot, after: Snapshot): string[] => diffSnapshots(before, after).map(renderChange);

void t.test("changes are told one a line", (t) => {
  const before = snapshot(python({ version: "1", weight: 90, workers: [worker("a"), worker("b")] }, { version: "2", weight: 10, workers: [worker("c")] }), { ...python(), language: "css" });
  const after = snapshot({ ...python({ version: "1", weight: 80, workers: [worker("a", 2), worker("d")] }, { version: "3", weight: 5, workers: [worker("c")] }), spill: false, extensions: [] }, { ...python(), language: "go" });
  t.same(lines(before, after), [
    "python: extensions .py -> (none)", "python: spill off", "python 1: weight 90 -> 80", "python 1: worker a moved from h:1 to h:2", "python 1: worker d added", "python 1: worker b removed",
    "python 3: added with weight 5", "python 3: worker c added", "python 2: removed", "go: added", "css: removed",
  ]);
  t.end();
});

void t.test("a long diff is cut, and says so", (t) => {
  const many = Array.from({ length: 20 }, (_, index) => worker(`w${index}`));
  const changes = diffSnapshots(emptySnapshot, snapshot(python({ version: "1", weight: 1, workers: many })));
  t.match(renderDiff(changes, 3), /^python: added, python 1: added with weight 1, python 1: worker w0 added, and 19 more$/);
  t.equal(renderDiff([]), "no change");
  t.end();
});

void t.test(`the changes lead from one snapshot to the other, and there are none between equals (seed ${seed})`, (t) => {
  fc.assert(
    fc.property(randomLanguages, randomLanguages, (before, after) => {
      const changes = diffSnapshots(snapshot(...before), snapshot(...after));
      const same = canonical(before) === canonical(after);
      return (changes.length === 0) === same && canonical(changes.reduce(applied, before)) === canonical(after);
    }),
    { seed, numRuns: 1_000 },
  );
  t.end();
});

/** The order of languages, versions, workers and extensions means nothing. */
function canonical(languages: readonly LanguageSnapshot[]): string {
  const by = <T>(key: (one: T) => string, all: readonly T[]): T[] => [...all].sort((a, b) => (key(a) < key(b) ? -1 : 1));
  return JSON.stringify(
    by(({ language }) => language, languages).map((language) => [
      language.language, [...language.extensions].sort(), language.spill,
      by(({ version }) => version, language.versions).map(({ version, weight, workers }) => [version, weight, by(({ id }) => id, workers).map(({ id, host, port }) => [id, host, port])]),
    ]),
  );
}

function applied(languages: readonly LanguageSnapshot[], change: SnapshotChange): LanguageSnapshot[] {
  const inLanguage = (update: (language: LanguageSnapshot) => LanguageSnapshot) => languages.map((one) => (one.language === change.language ? update(one) : one));
  const inVersion = (name: string, update: (version: VersionSnapshot) => VersionSnapshot) => inLanguage((one) => ({ ...one, versions: one.versions.map((version) => (version.version === name ? update(version) : version)) }));
  switch (change.kind) {
    case "language-added":
      return [...languages, { language: change.language, extensions: change.extensions, spill: change.spill, versions: [] }];
    case "language-removed":
      return languages.filter((one) => one.language !== change.language);
    case "extensions-changed":
      return inLanguage((one) => ({ ...one, extensions: change.after }));
    case "spill-changed":
      return inLanguage((one) => ({ ...one, spill: change.after }));
    case "version-added":
      return inLanguage((one) => ({ ...one, versions: [...one.versions, { version: change.version, weight: change.weight, workers: [] }] }));
    case "version-removed":
      return inLanguage((one) => ({ ...one, versions: one.versions.filter(({ version }) => version !== change.version) }));
    case "weight-changed":
      return inVersion(change.version, (one) => ({ ...one, weight: change.after }));
    case "worker-added":
      return inVersion(change.version, (one) => ({ ...one, workers: [...one.workers, change.worker] }));
    case "worker-removed":
      return inVersion(change.version, (one) => ({ ...one, workers: one.workers.filter(({ id }) => id !== change.worker.id) }));
    case "worker-moved":
      return inVersion(change.version, (one) => ({ ...one, workers: one.workers.map((old) => (old.id === change.worker.id ? change.worker : old)) }));
  }
}
