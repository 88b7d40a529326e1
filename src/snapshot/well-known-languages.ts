/**
 * What is known of languages before anybody configures them: the endings of their files and the linters
 * that are built in. Must not know of linters' code.
 */

/** Used for a language whose configuration names no extensions. No ending belongs to two languages. */
export const wellKnownExtensions: Readonly<Record<string, readonly string[]>> = {
  c: [".c", ".h"],
  cpp: [".cc", ".cpp", ".cxx", ".hh", ".hpp", ".hxx"],
  csharp: [".cs"],
  css: [".css"],
  go: [".go"],
  html: [".html", ".htm"],
  java: [".java"],
  javascript: [".js", ".mjs", ".cjs", ".jsx"],
  json: [".json", ".jsonc"],
  kotlin: [".kt", ".kts"],
  lua: [".lua"],
  markdown: [".md", ".markdown"],
  php: [".php"],
  python: [".py", ".pyi"],
  ruby: [".rb"],
  rust: [".rs"],
  scss: [".scss"],
  shell: [".sh", ".bash"],
  sql: [".sql"],
  swift: [".swift"],
  toml: [".toml"],
  typescript: [".ts", ".tsx", ".mts", ".cts"],
  yaml: [".yaml", ".yml"],
};

/** The analyzers that `run: { builtin: … }` can name. */
export const builtinLinters = ["css", "javascript", "json", "python", "typescript", "yaml"] as const;
export type BuiltinLinter = (typeof builtinLinters)[number];
