/** The fleet that everything here is measured with: 200 languages of 5 versions of 20 workers. */
import type { LanguageSnapshot } from "../../src/snapshot/snapshot.js";

export interface FleetSize {
  readonly languages: number;
  readonly versions: number;
  readonly workers: number;
}

export const fullSize: FleetSize = { languages: 200, versions: 5, workers: 20 };
/** To see that everything works. */
export const quickSize: FleetSize = { languages: 20, versions: 5, workers: 20 };

export function workersIn({ languages, versions, workers }: FleetSize): number {
  return languages * versions * workers;
}

export function languagesOf(size: FleetSize): LanguageSnapshot[] {
  return Array.from({ length: size.languages }, (_, language) => ({
    language: `language-${language}`,
    extensions: [`.l${language}`],
    spill: true,
    versions: Array.from({ length: size.versions }, (_unused, version) => ({
      version: `1.${version}.0`,
      weight: 20,
      workers: Array.from({ length: size.workers }, (_other, worker) => workerAt((language * size.versions + version) * size.workers + worker)),
    })),
  }));
}

/** Addresses as a cluster gives them out. */
function workerAt(index: number): { id: string; host: string; port: number } {
  const host = `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;
  return { id: `${host}:7070`, host, port: 7_070 };
}

/** The change of one weight, as an administrator asks for it: the whole set, all but the first as they were. */
export function weightsOf(size: FleetSize, index: number): { readonly language: string; readonly weights: readonly { readonly version: string; readonly weight: number }[] } {
  const weights = Array.from({ length: size.versions }, (_, version) => ({ version: `1.${version}.0`, weight: version === 0 ? 21 + (index % 50) : 20 }));
  return { language: `language-${index % size.languages}`, weights };
}

/** The same with another weight for one version: all that most changes are. */
export function withWeight(languages: readonly LanguageSnapshot[], index: number, weight: number): LanguageSnapshot[] {
  return languages.map((language, at) => {
    if (at !== index % languages.length) return language;
    const [first, ...rest] = language.versions;
    return { ...language, versions: [{ ...first!, weight }, ...rest] };
  });
}
