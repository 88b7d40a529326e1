/**
 * What a change leaves that works and is likely not meant. Must not know which change it was.
 */
import { isDeepStrictEqual } from "node:util";
import type { StoredLanguage, StoredVersion } from "../stored-configuration.js";
import type { KnownWorker } from "./change.js";
import type { Content } from "./differences.js";

/** Only of languages and workers that the change touched: what was so before has been said before. */
export function warningsAfter(before: Content, after: Content, workers: readonly KnownWorker[]): string[] {
  const old = new Map(before.languages.map((language) => [language.language, language]));
  const drained = new Set(after.drained);
  const newlyDrained = new Set(after.drained.filter((id) => !before.drained.includes(id)));
  return after.languages.flatMap((language) => {
    const earlier = old.get(language.language);
    const touched = earlier !== language && !isDeepStrictEqual(earlier, language);
    const warnings = touched ? withoutTraffic(language) : [];
    for (const version of language.versions) {
      if (touched) warnings.push(...withoutWorkers(language, version, earlier));
      warnings.push(...withoutUndrained(language, version, workers, drained, newlyDrained));
    }
    return warnings;
  });
}

function withoutTraffic({ language, versions }: StoredLanguage): string[] {
  if (versions.some(({ weight }) => weight > 0)) return [];
  const [first] = versions;
  return [`no version of ${language} has weight, so no request for it is answered; give some with \`lintel admin weights ${language} ${first?.version ?? "VERSION"}=100\``];
}

function withoutWorkers({ language }: StoredLanguage, version: StoredVersion, earlier: StoredLanguage | undefined): string[] {
  if (version.source !== undefined || version.workers.length > 0) return [];
  if (earlier?.versions.some((one) => isDeepStrictEqual(one, version)) === true) return [];
  return [`${language} ${version.version} has no workers until some register themselves: \`lintel linter ${language} --manager HOST:PORT\``];
}

function withoutUndrained({ language }: StoredLanguage, version: StoredVersion, workers: readonly KnownWorker[], drained: ReadonlySet<string>, newlyDrained: ReadonlySet<string>): string[] {
  const ids = [...version.workers, ...workers.filter((worker) => worker.language === language && worker.version === version.version)].map(({ id }) => id);
  if (version.weight === 0 || !ids.some((id) => newlyDrained.has(id)) || ids.some((id) => !drained.has(id))) return [];
  return [`every worker of ${language} ${version.version} is drained now, and it has weight ${version.weight}; undrain one, or move the weight with \`lintel admin weights ${language} …\``];
}
