/**
 * Python: ruff, in its WebAssembly build. Rules, messages and positions are ruff's own with its default configuration.
 *
 * Severity follows ruff's own language server: what cannot be parsed, an undefined name (F821) and an unreadable
 * file (E902) are errors, everything else is a warning. The build does not say which fixes are safe, so none is called
 * safe. Columns: ruff counts in the unit it is told (UTF-16); it would count a byte order mark as a character,
 * so it is given the text without one.
 */
import ruff, { type Diagnostic as RuffDiagnostic, type Workspace } from "@astral-sh/ruff-wasm-nodejs";
import type { Diagnostic, Fix, Severity } from "../../formats/report.js";
import { withoutByteOrderMark, Rejection, type Analyzer, type OptionsText, type Source } from "./analyzer.js";
import { OptionsCache, OptionsSchema } from "./options.js";

const errorRules: ReadonlySet<string> = new Set(["F821", "E902"]);

const targetVersions = ["py37", "py38", "py39", "py310", "py311", "py312", "py313", "py314", "py315"] as const;

/** ruff's own bound for line-length and indent-width. */
const lineLengthMax = 320;
const indentWidthMax = 16;

const schema = new OptionsSchema("ruff", (z) => {
  const selectors = z.array(z.string()).optional();
  return z.strictObject({
    select: selectors,
    "extend-select": selectors,
    ignore: selectors,
    "line-length": z.int().min(1).max(lineLengthMax).optional(),
    "indent-width": z.int().min(1).max(indentWidthMax).optional(),
    "target-version": z.enum(targetVersions).optional(),
    preview: z.boolean().optional(),
  });
});

export function createPythonAnalyzer(): Analyzer {
  const byDefault = newWorkspace({});
  const byOptions = new OptionsCache<Workspace>(8, (workspace) => workspace.free());
  return {
    linterName: "ruff",
    linterVersion: ruff.Workspace.version(),
    documentationUrl: "https://docs.astral.sh/ruff/rules/",
    selfTest: { source: "import os\nprint(undefined_name)\n", filename: "self_test.py" },
    async analyze(source) {
      const { options } = source;
      const workspace = options === undefined ? byDefault : await byOptions.get(options.key, () => workspaceFor(options));
      return check(workspace, source);
    },
  };
}

function check(workspace: Workspace, source: Source): readonly Diagnostic[] {
  const found = workspace.check(withoutByteOrderMark(source.text)) as readonly RuffDiagnostic[];
  return found.map(toDiagnostic);
}

function newWorkspace(settings: object): Workspace {
  return new ruff.Workspace(settings, ruff.PositionEncoding.Utf16);
}

/** The options as ruff's configuration nests them. */
async function workspaceFor(options: OptionsText): Promise<Workspace> {
  const { select, ignore, preview, "extend-select": extendSelect, ...top } = await schema.parse(options);
  const lint = { select, ignore, preview, "extend-select": extendSelect };
  try {
    return newWorkspace({ ...defined(top), lint: defined(lint) });
  } catch (error) {
    throw new Rejection(explain(error instanceof Error ? error.message : String(error)));
  }
}

function defined(record: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}

/** ruff's sentence, without the words that only make sense on its command line. */
function explain(message: string): string {
  const unknown = /Unknown rule selector `([^`]*)` in `([^`]*)`/.exec(message);
  if (unknown !== null) return `ruff has no rule "${unknown[1] ?? ""}" (option "${unknown[2] ?? ""}").`;
  return `ruff refused the options: ${message.replace(/^Error: /, "").split("\n")[0] ?? ""}.`;
}

function toDiagnostic(found: RuffDiagnostic): Diagnostic {
  const rule = found.code ?? "invalid-syntax";
  const fix = toFix(found);
  return {
    rule,
    severity: severityOf(rule),
    message: found.message,
    range: { start: toPosition(found.start_location), end: toPosition(found.end_location) },
    // ruff's pages are named for the rules' names, which it does not tell here; their codes lead there.
    ...(/^[A-Z]+\d+$/.test(rule) && { url: `https://docs.astral.sh/ruff/rules/${rule}/` }),
    ...(fix === undefined ? {} : { fixes: [fix] }),
    ...(found.tags.length === 0 ? {} : { tags: found.tags }),
  };
}

function severityOf(rule: string): Severity {
  return rule === "invalid-syntax" || errorRules.has(rule) ? "error" : "warning";
}

function toPosition({ row, column }: { row: number; column: number }): { line: number; column: number } {
  return { line: row, column };
}

function toFix({ fix, message }: RuffDiagnostic): Fix | undefined {
  if (fix === null || fix.edits.length === 0) return undefined;
  return {
    message: fix.message ?? message,
    safe: false,
    edits: fix.edits.map((edit) => ({
      range: { start: toPosition(edit.location), end: toPosition(edit.end_location) },
      text: edit.content ?? "",
    })),
  };
}
