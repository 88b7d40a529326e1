/**
 * Which CodeMirror language colours which language of the service. Each is loaded when it is first shown; a
 * language without one is shown as plain text. Must not know the editor.
 */
import { LanguageSupport, StreamLanguage, type StreamParser } from "@codemirror/language";
import type { Extension } from "@codemirror/state";

type Loader = (filename: string) => Promise<Extension>;

const clike = (name: "c" | "cpp" | "csharp" | "java" | "kotlin"): Loader => async () => stream((await import("@codemirror/legacy-modes/mode/clike"))[name]);

const loaders: Readonly<Record<string, Loader>> = {
  python: async () => (await import("@codemirror/lang-python")).pythonLanguage,
  javascript: async (filename) => (await import("@codemirror/lang-javascript"))[filename.endsWith("x") ? "jsxLanguage" : "javascriptLanguage"],
  typescript: async (filename) => (await import("@codemirror/lang-javascript"))[filename.endsWith("x") ? "tsxLanguage" : "typescriptLanguage"],
  css: async () => (await import("@codemirror/lang-css")).cssLanguage,
  json: async () => (await import("@codemirror/lang-json")).jsonLanguage,
  yaml: async () => (await import("@codemirror/lang-yaml")).yamlLanguage,
  c: clike("c"),
  cpp: clike("cpp"),
  "c++": clike("cpp"),
  csharp: clike("csharp"),
  "c#": clike("csharp"),
  java: clike("java"),
  kotlin: clike("kotlin"),
  go: async () => stream((await import("@codemirror/legacy-modes/mode/go")).go),
  html: async () => stream((await import("@codemirror/legacy-modes/mode/xml")).html),
  xml: async () => stream((await import("@codemirror/legacy-modes/mode/xml")).xml),
  lua: async () => stream((await import("@codemirror/legacy-modes/mode/lua")).lua),
  ruby: async () => stream((await import("@codemirror/legacy-modes/mode/ruby")).ruby),
  rust: async () => stream((await import("@codemirror/legacy-modes/mode/rust")).rust),
  scss: async () => stream((await import("@codemirror/legacy-modes/mode/css")).sCSS),
  shell: async () => stream((await import("@codemirror/legacy-modes/mode/shell")).shell),
  sql: async () => stream((await import("@codemirror/legacy-modes/mode/sql")).standardSQL),
  swift: async () => stream((await import("@codemirror/legacy-modes/mode/swift")).swift),
  toml: async () => stream((await import("@codemirror/legacy-modes/mode/toml")).toml),
};

/** Resolves with nothing to add for a language that has no colours, or whose colours cannot be loaded. */
export async function highlightingFor(language: string, filename: string): Promise<Extension> {
  try {
    return (await loaders[language]?.(filename)) ?? [];
  } catch {
    return [];
  }
}

function stream(parser: StreamParser<unknown>): Extension {
  return new LanguageSupport(StreamLanguage.define(parser));
}
