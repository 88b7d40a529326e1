/**
 * YAML: every error and warning that the `yaml` package finds in any document of the stream, under its own
 * codes (`BAD_INDENT`); its errors are errors, its warnings warnings. Nothing is built from the documents, so aliases that would
 * multiply cost nothing.
 */
import { parseAllDocuments, type DocumentOptions, type ParseOptions, type SchemaOptions, type YAMLError } from "yaml";
import type { Diagnostic, Severity } from "../../formats/report.js";
import { LineIndex } from "../line-index.js";
import { withoutByteOrderMark, type Analyzer, type OptionsText } from "./analyzer.js";
import { OptionsSchema } from "./options.js";
import { packageVersion } from "./package-version.js";

type YamlOptions = ParseOptions & DocumentOptions & SchemaOptions;

type Problem = Pick<YAMLError, "code" | "message" | "pos">;

const schema = new OptionsSchema("yaml", (z) =>
  z.strictObject({
    version: z.enum(["1.1", "1.2"]).optional(),
    strict: z.boolean().optional(),
    uniqueKeys: z.boolean().optional(),
  }),
);

/** Not pretty: that would put the source's lines into the messages; positions are in the range. */
const byDefault: YamlOptions = { prettyErrors: false };

export function createYamlAnalyzer(): Analyzer {
  return {
    linterName: "yaml",
    linterVersion: packageVersion("yaml"),
    documentationUrl: "https://eemeli.org/yaml/#errors",
    selfTest: { source: "a: 1\na: 2\n", filename: "self-test.yaml" },
    async analyze({ text, options }) {
      return check(withoutByteOrderMark(text), options === undefined ? byDefault : await optionsFor(options));
    },
  };
}

async function optionsFor(options: OptionsText): Promise<YamlOptions> {
  const { version, strict, uniqueKeys } = await schema.parse(options);
  return {
    ...byDefault,
    ...(version === undefined ? {} : { version }),
    ...(strict === undefined ? {} : { strict }),
    ...(uniqueKeys === undefined ? {} : { uniqueKeys }),
  };
}

function check(text: string, options: YamlOptions): readonly Diagnostic[] {
  const lines = new LineIndex(text, "lf");
  const documents = parseAllDocuments(text, options);
  return documents.flatMap(({ errors, warnings }) => [
    ...errors.map((error) => toDiagnostic(error, "error", lines)),
    ...warnings.map((warning) => toDiagnostic(warning, "warning", lines)),
  ]);
}

function toDiagnostic(problem: Problem, severity: Severity, lines: LineIndex): Diagnostic {
  const [start, end] = problem.pos;
  return { rule: problem.code, severity, message: problem.message, range: lines.range(start, end) };
}

