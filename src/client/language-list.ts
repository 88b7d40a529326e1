/** What a service says it serves (`GET /v1/languages`), and which of it a file name belongs to. */

export interface ServedLanguage {
  readonly language: string;
  /** With their dot, lower case: ".py". */
  readonly extensions: readonly string[];
  readonly versions: readonly string[];
}

export class LanguageList {
  readonly #languages: readonly ServedLanguage[];

  constructor(languages: readonly ServedLanguage[]) {
    this.#languages = languages;
  }

  /** Undefined when `text` is not such a list. */
  static parse(text: string): LanguageList | undefined {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return undefined;
    }
    const list = member(value, "languages");
    if (!Array.isArray(list)) return undefined;
    const languages: ServedLanguage[] = [];
    for (const entry of list as unknown[]) {
      const language = member(entry, "language");
      if (typeof language !== "string") return undefined;
      const versions = arrayMember(entry, "versions").map((one) => member(one, "version"));
      languages.push({
        language,
        extensions: arrayMember(entry, "extensions").filter(isString).map((one) => one.toLowerCase()),
        versions: versions.filter(isString),
      });
    }
    return new LanguageList(languages);
  }

  named(language: string): ServedLanguage | undefined {
    return this.#languages.find((one) => one.language === language);
  }

  /** The language whose extension ends the name; the longest extension wins (".d.ts" before ".ts"). */
  of(filename: string): ServedLanguage | undefined {
    const name = filename.toLowerCase();
    let best: ServedLanguage | undefined;
    let bestChars = 0;
    for (const language of this.#languages) {
      for (const extension of language.extensions) {
        if (extension.length > bestChars && name.endsWith(extension)) {
          best = language;
          bestChars = extension.length;
        }
      }
    }
    return best;
  }

  /** For people: "python (.py, .pyi), json (.json)". */
  describe(): string {
    if (this.#languages.length === 0) return "none yet";
    return this.#languages.map(({ language, extensions }) => (extensions.length === 0 ? language : `${language} (${extensions.join(", ")})`)).join(", ");
  }
}

function member(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[key] : undefined;
}

function arrayMember(value: unknown, key: string): readonly unknown[] {
  const found = member(value, key);
  return Array.isArray(found) ? found : [];
}

function isString(value: unknown): value is string {
  return typeof value === "string";
}
