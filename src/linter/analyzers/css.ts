/**
 * CSS: stylelint with stylelint-config-standard, as a PostCSS plugin. Results are those of `stylelint.lint` (a test
 * compares them); the plugin spares what that adds around them, and lets source maps be ignored: PostCSS would otherwise
 * follow what a comment in the source names.
 *
 * No fixes: to compute one (`computeEditInfo`) stylelint applies it to the tree it is still linting, which moves the positions of
 * what it finds afterwards; right positions are worth more.
 *
 * Severity is the rule's own ("error" unless its options say otherwise). What
 * cannot be parsed has the rule "CssSyntaxError", stylelint's own name for it; a selector that cannot be parsed has none of
 * stylelint's and gets "syntax-error".
 */
import postcss, { type Processor } from "postcss";
import stylelint from "stylelint";
import standard from "stylelint-config-standard";
import recommended from "stylelint-config-recommended";
import type { Diagnostic } from "../../formats/report.js";
import { Rejection, type Analyzer, type OptionsText } from "./analyzer.js";
import { OptionsCache, OptionsSchema } from "./options.js";
import { packageVersion } from "./package-version.js";

type Rules = Readonly<Record<string, unknown>>;

/** stylelint-config-standard with what it extends, so that nothing is resolved on disk while linting. */
const standardRules: Rules = { ...recommended.rules, ...standard.rules };

const schema = new OptionsSchema("stylelint", (z) => z.strictObject({ rules: z.record(z.string(), z.unknown()).optional() }));

/** What stylelint adds to a PostCSS warning. */
interface Warning {
  readonly type: string;
  readonly text: string;
  readonly line?: number;
  readonly column?: number;
  readonly endLine?: number;
  readonly endColumn?: number;
  readonly rule?: string;
  readonly severity?: string;
  readonly stylelintType?: string;
  readonly url?: string;
}

export function createCssAnalyzer(): Analyzer {
  const byDefault = processorFor(standardRules, false);
  const byOptions = new OptionsCache<Processor>();
  return {
    linterName: "stylelint",
    linterVersion: packageVersion("stylelint"),
    documentationUrl: "https://stylelint.io/user-guide/rules/",
    selfTest: { source: "a { colr: red; }\n", filename: "self-test.css" },
    async analyze({ text, options }) {
      const processor = options === undefined ? byDefault : await byOptions.get(options.key, () => processorForOptions(options));
      return (await run(processor, text)).map(toDiagnostic);
    },
  };
}

/** `validate` is for rules that came from a user. */
function processorFor(rules: Rules, validate: boolean): Processor {
  return postcss([stylelint({ config: { rules }, quietDeprecationWarnings: true, validate })]);
}

async function processorForOptions(options: OptionsText): Promise<Processor> {
  const { rules = {} } = await schema.parse(options);
  for (const name of Object.keys(rules)) {
    if (!Object.hasOwn(stylelint.rules, name)) throw new Rejection(`stylelint has no rule "${name}" (option "rules").`);
  }
  const processor = processorFor({ ...standardRules, ...rules }, true);
  // stylelint looks at a rule's options only when the rule runs, and runs none on an empty file.
  await run(processor, "a {}");
  return processor;
}

async function run(processor: Processor, text: string): Promise<readonly Warning[]> {
  let result;
  try {
    result = await processor.process(text, { from: undefined, map: false });
  } catch (error) {
    if (error instanceof Error && error.name === "CssSyntaxError") return [syntaxError(error as SyntaxProblem)];
    throw error;
  }
  const messages = result.messages as readonly unknown[] as readonly Warning[];
  const invalid = messages.find((message) => message.stylelintType === "invalidOption");
  if (invalid !== undefined) throw new Rejection(`stylelint refused the options: ${invalid.text.replace(/\s+/g, " ").trim()}.`);
  return messages.filter((message) => message.type === "warning" && (message.stylelintType ?? "") !== "deprecation");
}

interface SyntaxProblem extends Error {
  readonly reason: string;
  readonly line?: number;
  readonly column?: number;
  readonly endLine?: number;
  readonly endColumn?: number;
}

function syntaxError({ reason, line, column, endLine, endColumn }: SyntaxProblem): Warning {
  return {
    type: "warning",
    text: `${reason} (CssSyntaxError)`,
    rule: "CssSyntaxError",
    severity: "error",
    line: line ?? 1,
    column: column ?? 1,
    ...(endLine === undefined || endColumn === undefined ? {} : { endLine, endColumn }),
  };
}

function toDiagnostic(warning: Warning): Diagnostic {
  const rule = warning.rule ?? "syntax-error";
  const start = { line: warning.line ?? 1, column: warning.column ?? 1 };
  const url = warning.url ?? urlOf(rule);
  return {
    rule,
    severity: warning.severity === "warning" ? "warning" : "error",
    message: withoutRuleName(warning.text, rule),
    range: { start, end: warning.endLine === undefined || warning.endColumn === undefined ? start : { line: warning.endLine, column: warning.endColumn } },
    ...(url === undefined ? {} : { url }),
  };
}

/** stylelint ends its messages with the rule's name in brackets; the report has a field for it. */
function withoutRuleName(text: string, rule: string): string {
  const suffix = ` (${rule})`;
  return text.endsWith(suffix) ? text.slice(0, -suffix.length) : text;
}

/** Every built-in rule is documented under its name; its module says the same, but loads only when the rule runs. */
function urlOf(rule: string): string | undefined {
  return Object.hasOwn(stylelint.rules, rule) ? `https://stylelint.io/user-guide/rules/${rule}` : undefined;
}
