import fc from "fast-check";
import t from "tap";
import { bridge } from "../../src/snapshot/bridge.js";
import type { LanguageSnapshot, VersionSnapshot } from "../../src/snapshot/snapshot.js";
import { randomLanguages } from "../support/random-snapshots.js";

const seed = Number(process.env["LINTEL_TEST_SEED"] ?? 20_267);

const python = (...versions: readonly VersionSnapshot[]): LanguageSnapshot => ({ language: "python", extensions: [".py"], spill: true, versions });
const version = (name: string, weight: number, ...ids: readonly string[]): VersionSnapshot => ({ version: name, weight, workers: ids.map((id) => ({ id, host: "h", port: 1 })) });
const css: LanguageSnapshot = { language: "css", extensions: [], spill: true, versions: [version("1", 1, "c")] };
const never = (): boolean => false;
const always = (): boolean => true;

void t.test("a version's first share waits for it: its workers come, the traffic stays, other languages swap", (t) => {
  const active = { languages: [python(version("1", 90, "a")), css] };
  const newCss = { ...css, versions: [version("1", 5, "c")] };
  const wanted = { languages: [python(version("1", 50, "a"), version("2", 50, "b")), newCss] };
  t.same(bridge(active, wanted, never), {
    languages: [python(version("1", 90, "a"), version("2", 0, "b")), newCss],
    waiting: [{ language: "python", version: "2" }],
  });
  t.equal(bridge(active, wanted, always).languages, wanted.languages);
  t.end();
});

void t.test("a version that is replaced keeps traffic and workers until the new one can take it", (t) => {
  const active = { languages: [python(version("1", 90, "a"), version("0", 0, "z"))] };
  const wanted = { languages: [python(version("2", 1, "b"))] };
  t.same(bridge(active, wanted, never).languages, [python(version("2", 0, "b"), version("1", 90, "a"))]);
  const onTheWay = bridge(active, wanted, never);
  t.same(bridge(onTheWay, { languages: [python(version("1", 90, "a"))] }, never), { languages: [python(version("1", 90, "a"))], waiting: [] }, "and a step back needs no wait");
  t.end();
});

void t.test("a share that only changes, or goes, waits for nothing", (t) => {
  const active = { languages: [python(version("1", 90, "a"), version("2", 10, "b")), css] };
  const wanted = { languages: [python(version("1", 0, "a"), version("2", 90, "b"))] };
  t.same(bridge(active, wanted, never), { languages: wanted.languages, waiting: [] });
  t.end();
});

void t.test("a language without traffic has none to keep: it is served by the versions that can", (t) => {
  const wanted = { languages: [css, python(version("1", 1, "a"), version("2", 3, "b"))] };
  t.same(bridge({ languages: [css] }, wanted, (_language, name) => name === "2"), {
    languages: [css, python(version("1", 0, "a"), version("2", 3, "b"))],
    waiting: [{ language: "python", version: "1" }],
  });
  t.end();
});

void t.test(`no version gets traffic it cannot take, and no language loses what it had (seed ${seed})`, (t) => {
  const known: fc.Arbitrary<string[]> = fc.uniqueArray(fc.constantFrom("x 1", "x 2", "y 1", "y 3", "z 1"));
  const shares = (languages: readonly LanguageSnapshot[], name: string): [string, number][] =>
    (languages.find(({ language }) => language === name)?.versions ?? []).filter(({ weight }) => weight > 0).map(({ version: one, weight }): [string, number] => [one, weight]).sort();
  fc.assert(
    fc.property(randomLanguages, randomLanguages, known, (active, wanted, usable) => {
      const bridged = bridge({ languages: active }, { languages: wanted }, (language, name) => usable.includes(`${language} ${name}`));
      const waits = new Set(bridged.waiting.map(({ language }) => language));
      return wanted.every(({ language }) => {
        const [before, now, then] = [active, bridged.languages, wanted].map((languages) => shares(languages, language)) as [[string, number][], [string, number][], [string, number][]];
        const safe = now.every(([name]) => before.some(([old]) => old === name) || usable.includes(`${language} ${name}`));
        const expected = !waits.has(language) ? then : before.length > 0 ? before : then.filter(([name]) => usable.includes(`${language} ${name}`));
        return safe && JSON.stringify(now) === JSON.stringify(expected);
      });
    }),
    { seed, numRuns: 300 },
  );
  t.end();
});
