/**
 * ESLint, for JavaScript and TypeScript alike: its `Linter` on a configuration resolved once. Results are those
 * of the `ESLint` class with the same configuration (a test compares them).
 *
 * Given a configuration array, `Linter.verify` normalises it again at every call, which takes as long as the
 * analysis of a small file (4 ms of 7). The `ESLint` class resolves it once, by its public `calculateConfigForFile`; `verify` takes what that gives
 * from anything with a `getConfig` method.
 *
 * Severity: 2 is an error, 1 a warning. A rule's fix is safe, its suggestions are not. What cannot be parsed has the rule
 * "syntax-error"; a disable comment that disables nothing has "unused-disable-directive".
 */
import { ESLint, Linter } from "eslint";
import type { Diagnostic, Fix } from "../../formats/report.js";
import { LineIndex } from "../line-index.js";
import { endingOf, Rejection, withoutByteOrderMark, type OptionsText, type Source } from "./analyzer.js";
import { OptionsCache, OptionsSchema } from "./options.js";

export type EslintConfig = Linter.Config;

export interface EslintProfile {
  readonly linterName: string;
  /** The configuration without user options. */
  readonly configs: readonly EslintConfig[];
  /** The file endings that mean something to the configuration; a source with another one is taken for the first. */
  readonly endings: readonly string[];
  /** A plugin's rule by its full name, asked when needed: loading them all would double the time to start. */
  readonly pluginRule: (name: string) => RuleMeta | undefined;
}

export interface RuleMeta {
  readonly url: string | undefined;
  readonly needsTypes: boolean;
}

type ResolvedConfigs = Linter.Config[] & { getConfig(filename: string): ResolvedConfig };

/** What `calculateConfigForFile` gives, as far as it is used here: ESLint's own rules are those of its plugin "@". */
interface ResolvedConfig {
  readonly plugins: { readonly "@": { readonly rules: Readonly<Record<string, { readonly meta?: { readonly docs?: { readonly url?: string } } } | undefined>> } };
}

type CoreRules = ResolvedConfig["plugins"]["@"]["rules"];

/** A folder that need not exist: nothing is read, but file patterns are matched below it. */
const virtualFolder = "/";

const schema = new OptionsSchema("ESLint", (z) => {
  const severity = z.union([z.literal([0, 1, 2]), z.enum(["off", "warn", "error"])]);
  return z.strictObject({
    rules: z.record(z.string(), z.union([severity, z.tuple([severity], z.unknown())])).optional(),
    globals: z.record(z.string(), z.union([z.boolean(), z.enum(["readonly", "writable", "off"])])).optional(),
    sourceType: z.enum(["module", "script", "commonjs"]).optional(),
  });
});

export class EslintRunner {
  private readonly linter = new Linter({ cwd: virtualFolder });
  private readonly byDefault = new Map<string, ResolvedConfigs>();
  private readonly byOptions = new OptionsCache<ResolvedConfigs>();

  constructor(private readonly profile: EslintProfile) {}

  async analyze(source: Source): Promise<readonly Diagnostic[]> {
    const filename = `${virtualFolder}input${this.endingFor(source.filename)}`;
    const configs = await this.configsFor(filename, source.options);
    const messages = this.linter.verify(source.text, configs, { filename });
    const lines = messages.some(hasEdits) ? new LineIndex(withoutByteOrderMark(source.text), "ecmascript") : undefined;
    const coreRules = configs.getConfig(filename).plugins["@"].rules;
    const urlOf = (rule: string): string | undefined => this.profile.pluginRule(rule)?.url ?? coreRules[rule]?.meta?.docs?.url;
    return messages.map((message) => toDiagnostic(message, lines, urlOf));
  }

  private endingFor(filename: string): string {
    if (/\.d\.[cm]?ts$/i.test(filename) && this.profile.endings.includes(".ts")) return /\.d\.[cm]?ts$/i.exec(filename)?.[0].toLowerCase() ?? ".d.ts";
    const ending = endingOf(filename);
    return this.profile.endings.includes(ending) ? ending : (this.profile.endings[0] ?? "");
  }

  private async configsFor(filename: string, options: OptionsText | undefined): Promise<ResolvedConfigs> {
    if (options !== undefined) return this.byOptions.get(`${filename}\n${options.key}`, () => this.resolveOptions(filename, options));
    let configs = this.byDefault.get(filename);
    if (configs === undefined) {
      configs = await resolve([...this.profile.configs], filename);
      this.byDefault.set(filename, configs);
    }
    return configs;
  }

  private async resolveOptions(filename: string, options: OptionsText): Promise<ResolvedConfigs> {
    const { rules, globals, sourceType } = await schema.parse(options);
    const coreRules = await this.coreRules();
    for (const name of Object.keys(rules ?? {})) this.checkRule(name, coreRules);
    const own: EslintConfig = {
      ...(rules === undefined ? {} : { rules }),
      languageOptions: { ...(globals === undefined ? {} : { globals }), ...(sourceType === undefined ? {} : { sourceType }) },
    };
    try {
      return await resolve([...this.profile.configs, own], filename);
    } catch (error) {
      throw new Rejection(`ESLint refused the options: ${oneLine(error)}`);
    }
  }

  private async coreRules(): Promise<CoreRules> {
    const filename = `${virtualFolder}input${this.endingFor("")}`;
    return (await this.configsFor(filename, undefined)).getConfig(filename).plugins["@"].rules;
  }

  private checkRule(name: string, coreRules: CoreRules): void {
    const meta = this.profile.pluginRule(name);
    if (meta === undefined && (Object.hasOwn(Object.prototype, name) || coreRules[name] === undefined)) throw new Rejection(`${this.profile.linterName} has no rule "${name}" (option "rules").`);
    if (meta?.needsTypes === true) throw new Rejection(`The rule "${name}" needs type information, which a single file does not have (option "rules").`);
  }
}

async function resolve(configs: EslintConfig[], filename: string): Promise<ResolvedConfigs> {
  // overrideConfigFile: true means "no configuration file": nothing is looked for on disk.
  const eslint = new ESLint({ cwd: virtualFolder, overrideConfigFile: true, overrideConfig: configs });
  const config = (await eslint.calculateConfigForFile(filename)) as ResolvedConfig;
  return Object.assign([], { getConfig: () => config });
}

function toDiagnostic(message: Linter.LintMessage, lines: LineIndex | undefined, urlOf: (rule: string) => string | undefined): Diagnostic {
  const { ruleId, line, column, endLine, endColumn } = message;
  const url = ruleId === null ? undefined : urlOf(ruleId);
  const start = { line, column };
  const fixes = lines === undefined ? [] : fixesOf(message, lines);
  return {
    rule: ruleId ?? (message.fatal === true ? "syntax-error" : "unused-disable-directive"),
    severity: message.severity === 2 ? "error" : "warning",
    message: message.message,
    range: { start, end: endLine === undefined || endColumn === undefined ? start : { line: endLine, column: endColumn } },
    ...(url === undefined ? {} : { url }),
    ...(fixes.length === 0 ? {} : { fixes }),
  };
}

function hasEdits(message: Linter.LintMessage): boolean {
  return message.fix !== undefined || (message.suggestions?.length ?? 0) > 0;
}

function fixesOf(message: Linter.LintMessage, lines: LineIndex): readonly Fix[] {
  const suggestions = (message.suggestions ?? []).map((one) => toFix(one.desc, false, one.fix, lines));
  const fix = message.fix === undefined ? undefined : toFix(message.message, true, message.fix, lines);
  return [fix, ...suggestions].filter((one) => one !== undefined);
}

/** ESLint puts the byte order mark at offset -1; an edit of it has no place in lines and columns. */
function toFix(message: string, safe: boolean, fix: { range: readonly [number, number]; text: string }, lines: LineIndex): Fix | undefined {
  const [start, end] = fix.range;
  if (start < 0) return undefined;
  return { message, safe, edits: [{ range: lines.range(start, end), text: fix.text }] };
}

function oneLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/\s+/g, " ").trim().slice(0, 500);
}
