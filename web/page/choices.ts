/**
 * Language, version and file name: the three things a user chooses beside the source. Must not know the source
 * or what becomes of the choice.
 */
import { element } from "../base/elements.js";
import type { LanguageEntry, VersionEntry } from "./service.js";

export interface Chosen {
  readonly language: string;
  /** "" lets the service's shares decide. */
  readonly version: string;
  readonly filename: string;
}

export interface ChoiceControls {
  readonly language: HTMLSelectElement;
  readonly version: HTMLSelectElement;
  readonly filename: HTMLInputElement;
}

export interface ChoicesListener {
  onLanguage(language: LanguageEntry): void;
  /** The version or the file name. */
  onDetail(): void;
}

export class Choices {
  private languages: readonly LanguageEntry[] = [];

  constructor(
    private readonly controls: ChoiceControls,
    listener: ChoicesListener,
  ) {
    controls.language.addEventListener("change", () => {
      const entry = this.entry;
      if (entry === undefined) return;
      this.offerVersions(entry, "");
      listener.onLanguage(entry);
    });
    controls.version.addEventListener("change", () => listener.onDetail());
    controls.filename.addEventListener("input", () => listener.onDetail());
  }

  get chosen(): Chosen {
    const { language, version, filename } = this.controls;
    return { language: language.value, version: version.value, filename: filename.value.trim() };
  }

  /** The language chosen, as the service lists it; undefined for one that a link brought and the service does not have. */
  get entry(): LanguageEntry | undefined {
    return this.languages.find(({ language }) => language === this.controls.language.value);
  }

  /** What the service has; keeps the choice where it can. */
  offer(languages: readonly LanguageEntry[]): void {
    const { language, version } = this.chosen;
    this.languages = languages;
    this.controls.language.replaceChildren(...languages.map((one) => element("option", { value: one.language }, one.language)));
    this.choose({ language: language === "" ? (preferred(languages)?.language ?? "") : language, version, filename: this.controls.filename.value });
  }

  /** A language or version that the service does not have is shown all the same: the service's answer says what is wrong. */
  choose({ language, version, filename }: Chosen): void {
    select(this.controls.language, language);
    this.offerVersions(this.entry, version);
    this.controls.filename.value = filename;
  }

  set filename(filename: string) {
    this.controls.filename.value = filename;
  }

  /** By the longest ending of the name that a language has, as the service does it. */
  languageOf(filename: string): LanguageEntry | undefined {
    const name = filename.toLowerCase();
    for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) {
      const found = this.languages.find(({ extensions }) => extensions.includes(name.slice(dot)));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  private offerVersions(entry: LanguageEntry | undefined, chosen: string): void {
    const versions = entry?.versions ?? [];
    const total = versions.reduce((sum, { weight }) => sum + weight, 0);
    const only = versions.length === 1 ? versions[0] : undefined;
    const any = only === undefined ? "by share" : nameOf(only);
    this.controls.version.replaceChildren(
      element("option", { value: "" }, any),
      ...(only !== undefined ? [] : versions.map((version) => element("option", { value: version.version }, `${nameOf(version)} · ${percentOf(version.weight, total)}`))),
    );
    select(this.controls.version, chosen);
  }
}

function nameOf({ version, linter }: VersionEntry): string {
  if (linter === null) return version;
  return linter.version === version ? `${linter.name} ${version}` : `${version} (${linter.name} ${linter.version})`;
}

function percentOf(weight: number, total: number): string {
  return total === 0 ? "no share" : `${Number(((100 * weight) / total).toPrecision(3))} %`;
}

function preferred(languages: readonly LanguageEntry[]): LanguageEntry | undefined {
  return languages.find(({ language }) => language === "python") ?? languages[0];
}

function select(control: HTMLSelectElement, value: string): void {
  if (![...control.options].some((option) => option.value === value)) control.append(element("option", { value }, value));
  control.value = value;
}
