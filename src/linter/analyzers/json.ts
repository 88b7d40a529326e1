/**
 * JSON: every syntax error that jsonc-parser finds, all of them errors, under its own names for them
 * (`CommaExpected`). Comments and trailing commas are errors, as RFC 8259 has it, except in files that are known to allow both:
 * `.jsonc`, and the configuration files listed below. A byte order mark is ignored, which the RFC permits. Without options of its own.
 */
import { printParseErrorCode, visit, type ParseErrorCode, type ParseOptions } from "jsonc-parser";
import type { Diagnostic } from "../../formats/report.js";
import { LineIndex } from "../line-index.js";
import { Rejection, withoutByteOrderMark, type Analyzer, type Source } from "./analyzer.js";
import { packageVersion } from "./package-version.js";

/** Files whose own readers accept comments and trailing commas, whatever their ending says. */
const lenientNames =
  /(^|[\\/])(.*\.(jsonc|code-workspace|code-snippets)|[tj]sconfig(\..+)?\.json|\.(eslintrc|babelrc|swcrc|jshintrc|jscsrc)(\.json)?|\.?devcontainer\.json|api-extractor\.json|\.vscode[\\/][^\\/]+\.json)$/i;

const strict: ParseOptions = { disallowComments: true, allowTrailingComma: false, allowEmptyContent: false };
const lenient: ParseOptions = { disallowComments: false, allowTrailingComma: true, allowEmptyContent: true };

const messages: Readonly<Record<string, string>> = {
  InvalidSymbol: "This is no JSON value: strings need double quotes, and the only words are true, false and null.",
  InvalidNumberFormat: "This number is not written as JSON allows.",
  PropertyNameExpected: "A property name in double quotes is expected here.",
  ValueExpected: "A value is expected here.",
  ColonExpected: "A colon is expected here.",
  CommaExpected: "A comma is expected here.",
  CloseBraceExpected: "A closing brace is expected here.",
  CloseBracketExpected: "A closing bracket is expected here.",
  EndOfFileExpected: "The document should end here.",
  InvalidCommentToken: "JSON has no comments.",
  UnexpectedEndOfComment: "This comment does not end.",
  UnexpectedEndOfString: "This string does not end on its line.",
  UnexpectedEndOfNumber: "A digit is expected here.",
  InvalidUnicode: "A \\u must be followed by four hexadecimal digits.",
  InvalidEscapeCharacter: "There is no such escape in JSON.",
  InvalidCharacter: "Control characters must be escaped.",
};

export function createJsonAnalyzer(): Analyzer {
  return {
    linterName: "jsonc-parser",
    linterVersion: packageVersion("jsonc-parser"),
    documentationUrl: "https://www.rfc-editor.org/rfc/rfc8259",
    selfTest: { source: '{"a" 1}\n', filename: "self-test.json" },
    analyze,
  };
}

/** Whether comments and trailing commas are no errors in a file of this name. */
export function allowsComments(filename: string): boolean {
  return lenientNames.test(filename);
}

function analyze(source: Source): readonly Diagnostic[] {
  if (source.options !== undefined) throw new Rejection("The JSON analyzer has no options.");
  const text = withoutByteOrderMark(source.text);
  const lines = new LineIndex(text, "crlf");
  const found: Diagnostic[] = [];
  const onError = (code: ParseErrorCode, offset: number, length: number): void => {
    const rule = printParseErrorCode(code);
    found.push({ rule, severity: "error", message: messages[rule] ?? rule, range: lines.range(offset, offset + length) });
  };
  visit(text, { onError }, allowsComments(source.filename) ? lenient : strict);
  return found;
}
