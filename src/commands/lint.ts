/**
 * `lintel lint`: files through the service, printed as a linter prints, exiting as a linter exits. Reads
 * flags and wires the parts of src/client/ and src/formats/ together.
 */
import { createSecureContext } from "node:tls";
import { Option, type Command } from "commander";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { systemClock } from "../base/clock.js";
import { exitCodes, messageOf, UserError } from "../base/errors.js";
import { systemRandom } from "../base/random.js";
import { lintFiles, type LintedFiles } from "../client/lint-files.js";
import { LintService, ServiceError } from "../client/lint-service.js";
import type { LanguageList } from "../client/language-list.js";
import { findSourceFiles, walkedBytesMax, type Failed, type Skipped } from "../client/source-files.js";
import { Progress, wantsColor, writeAll, type ColorFlag } from "../client/terminal.js";
import { visible } from "../formats/printable.js";
import { shownName, totalOf, type FileReport } from "../formats/file-report.js";
import { formatNamed, formats, type Format } from "../formats/formats.js";
import { renderPretty } from "../formats/pretty.js";
import type { Summary } from "../formats/report.js";
import { lintelVersion } from "./program.js";

const failOn = ["error", "warning", "info", "hint", "never"] as const;
type FailOn = (typeof failOn)[number];

interface Flags {
  readonly url: string;
  readonly caFile?: string;
  readonly apiKeyFile?: string;
  readonly language?: string;
  readonly lintVersion?: string;
  readonly format: string;
  readonly output?: string;
  readonly failOn: FailOn;
  readonly stdinFilename?: string;
  readonly options?: string;
  readonly exclude: readonly string[];
  readonly gitignore: boolean;
  readonly concurrency: string;
  readonly timeoutMs: string;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly color: ColorFlag;
}

const defaultUrl = "http://127.0.0.1:8080";
/** Keeps a small service busy from one client without filling its queues. */
const defaultConcurrency = 8;
const concurrencyMax = 256;
const defaultTimeoutMs = 30_000;
const timeoutMsMax = 3_600_000;
/** A service that fails on everything should not scroll its reason away. */
const shownFailuresMax = 20;

export function define(command: Command): void {
  command
    .argument("[path...]", 'files and folders to lint; "-" is standard input')
    .addOption(new Option("--url <url>", "where the service is").env("LINTEL_URL").default(defaultUrl))
    .addOption(new Option("--ca-file <file>", "with https: trust this certificate authority (PEM) instead of the public ones").env("LINTEL_CA_FILE"))
    .addOption(new Option("--api-key-file <file>", "where the service asks for an API key: a file with it (or LINTEL_API_KEY in the environment)").env("LINTEL_API_KEY_FILE"))
    .option("--language <name>", "lint all of it as this language; in folders, only its files")
    .option("--lint-version <version>", "by this version only; needs --language")
    .addOption(new Option("--format <name>", "how to print the findings").choices(formats.map(({ name }) => name)).default("text"))
    .option("--output <file>", "write the findings to a file instead of standard output")
    .addOption(new Option("--fail-on <severity>", "exit with 1 when there is a finding as severe as this").choices(failOn).default("warning"))
    .option("--stdin-filename <name>", 'the name of what comes on standard input ("-")')
    .option("--options <json>", "options for the linter, as a JSON object")
    .option("--exclude <pattern>", "leave out what matches, as in .gitignore; may be repeated", (pattern: string, before: readonly string[]) => [...before, pattern], [])
    .option("--no-gitignore", "walk into what .gitignore files leave out, too")
    .option("--concurrency <n>", "how many files at once", String(defaultConcurrency))
    .option("--timeout-ms <ms>", "how long one file may take, repeats included", String(defaultTimeoutMs))
    .addOption(new Option("--color <when>", "colours in text").choices(["auto", "always", "never"]).default("auto"))
    .option("-q, --quiet", "print findings and errors, nothing else")
    .option("-v, --verbose", "name every file that is skipped, and why")
    .action(lint);
}

async function lint(paths: readonly string[], flags: Flags): Promise<void> {
  // The reader of our messages may go away as well; the exit code still counts.
  process.stderr.on("error", () => undefined);
  if (paths.length === 0) throw new UserError('no file is named; name files or folders ("." is this one), or "-" for standard input.');
  const format = formatNamed(flags.format);
  if (format === undefined) throw new UserError(`"${flags.format}" is not a format.`);
  const concurrency = wholeNumber("--concurrency", flags.concurrency, concurrencyMax);
  const timeoutMs = wholeNumber("--timeout-ms", flags.timeoutMs, timeoutMsMax);
  checkOptions(flags.options);
  const service = new LintService({
    ...serviceAddress(flags),
    ...apiKeyOf(flags),
    connectionsMax: concurrency,
    timeoutMs,
    userAgent: `lintel/${lintelVersion()}`,
    clock: systemClock,
    random: systemRandom,
  });
  try {
    // First, so that a service that is not there is said once, and before any file is read.
    const languages = await service.languages();
    checkLanguage(flags, languages);
    const found = await findSourceFiles(paths, {
      cwd: process.cwd(),
      languages,
      exclude: flags.exclude,
      gitignore: flags.gitignore,
      bytesMax: walkedBytesMax,
      ...(flags.language === undefined ? {} : { language: flags.language }),
      ...(flags.stdinFilename === undefined ? {} : { stdinFilename: flags.stdinFilename }),
    });
    const progress = flags.quiet !== true && process.stderr.isTTY ? new Progress({ total: found.files.length, clock: systemClock, write: (text) => process.stderr.write(text) }) : undefined;
    const run = await lintFiles(found.files, {
      concurrency,
      keepSources: format.usesSource,
      lint: (file, filename, source) =>
        service.lint({
          language: file.language,
          source,
          filename,
          ...(flags.lintVersion === undefined ? {} : { version: flags.lintVersion }),
          ...(flags.options === undefined ? {} : { optionsJson: flags.options }),
        }),
      readStdin,
      onSettled: () => progress?.settled(),
    });
    progress?.stop();
    await print(run.linted, format, flags);
    const failed = [...found.failed, ...run.failed];
    report(flags, [...found.skipped, ...run.skipped], failed, run);
    process.exitCode = exitCodeOf(failed.length > 0 || run.givenUp !== undefined, totalOf(run.linted), flags.failOn);
  } catch (error) {
    throw error instanceof ServiceError ? new UserError(`${error.message}.`) : error;
  } finally {
    service.close();
  }
}

async function print(files: readonly FileReport[], format: Format, flags: Flags): Promise<void> {
  if (flags.output !== undefined) {
    try {
      await writeFile(flags.output, format.render(files));
    } catch (error) {
      throw new UserError(`the findings cannot be written to ${flags.output}: ${messageOf(error)}.`);
    }
    return;
  }
  const color = wantsColor(flags.color, process.env, process.stdout.isTTY);
  const pretty = format.name === "text" && (process.stdout.isTTY || color);
  await writeAll(process.stdout, pretty ? renderPretty(files, { color, closing: flags.quiet !== true }) : format.render(files));
}

/** Everything that is not a finding, on standard error. */
function report(flags: Flags, skipped: readonly Skipped[], failed: readonly Failed[], run: LintedFiles): void {
  const say = (text: string): unknown => process.stderr.write(`lintel: ${text}\n`);
  const shown = flags.verbose === true ? failed : failed.slice(0, shownFailuresMax);
  for (const { name, message } of shown) say(`${visible(shownName(name))}: ${message}.`);
  if (failed.length > shown.length) say(`… and ${failed.length - shown.length} more files that could not be linted; -v shows all.`);
  if (run.givenUp !== undefined) say(`${run.givenUp.message}; ${counted(run.givenUp.files, "file was", "files were")} not linted.`);
  if (flags.quiet === true) return;
  if (flags.verbose === true) for (const { name, reason } of skipped) say(`skipped ${visible(name)}: ${reason}.`);
  // A folder is full of what nobody expects to be linted; these two one might.
  const noticed = skipped.filter(({ reason }) => reason === "too large" || reason === "binary");
  if (noticed.length > 0 && flags.verbose !== true) say(`${counted(noticed.length, "file was", "files were")} skipped, too large (over ${walkedBytesMax} bytes) or binary; -v names them.`);
  if (run.linted.length === 0 && failed.length === 0 && run.givenUp === undefined) say(`there was no file to lint${skipped.length > 0 && flags.verbose !== true ? ` (${skipped.length} skipped; -v says why)` : ""}.`);
}

function exitCodeOf(failed: boolean, total: Summary, threshold: FailOn): number {
  if (failed) return exitCodes.usage;
  const counts = [total.errors, total.warnings, total.infos, total.hints];
  const counted = threshold === "never" ? [] : counts.slice(0, failOn.indexOf(threshold) + 1);
  return counted.some((count) => count > 0) ? exitCodes.findings : exitCodes.ok;
}

async function readStdin(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function serviceAddress({ url: text, caFile }: Flags): { readonly url: URL; readonly ca?: string } {
  const url = serviceUrl(text);
  if (caFile === undefined) return { url };
  if (url.protocol !== "https:") throw new UserError(`--ca-file (or LINTEL_CA_FILE) is for an address that begins with https, not for ${url.origin}.`);
  try {
    const ca = readFileSync(caFile, "utf8");
    createSecureContext({ ca });
    if (ca.includes("-----BEGIN CERTIFICATE-----")) return { url, ca };
  } catch (thrown) {
    throw new UserError(`--ca-file ${caFile} cannot be used: ${messageOf(thrown)}.`);
  }
  throw new UserError(`--ca-file ${caFile} has no certificate in it; expected PEM.`);
}

/** Never from an argument, which every user of the machine can read. */
function apiKeyOf({ apiKeyFile }: Flags): { readonly apiKey?: string } {
  let given = process.env["LINTEL_API_KEY"];
  try {
    if (apiKeyFile !== undefined) given = readFileSync(apiKeyFile, "utf8");
  } catch (thrown) {
    throw new UserError(`--api-key-file ${apiKeyFile ?? ""} cannot be read: ${messageOf(thrown)}.`);
  }
  const apiKey = given?.trim() ?? "";
  if (apiKey === "" && apiKeyFile === undefined) return {};
  if (!/^[\x21-\x7e]+$/.test(apiKey)) throw new UserError("the API key must be one word of ASCII letters, digits and signs.");
  return { apiKey };
}

function serviceUrl(text: string): URL {
  const url = URL.canParse(text === "" ? defaultUrl : text) ? new URL(text === "" ? defaultUrl : text) : undefined;
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new UserError(`--url (or LINTEL_URL) is "${text}", but must be an address like ${defaultUrl} or https://lintel.example.org.`);
  }
  return url;
}

function checkLanguage({ language, lintVersion }: Flags, languages: LanguageList): void {
  if (lintVersion !== undefined && language === undefined) throw new UserError("--lint-version needs --language: a version belongs to one language.");
  if (language === undefined) return;
  const served = languages.named(language);
  if (served === undefined) throw new UserError(`the service has no language "${language}"; the languages are: ${languages.describe()}.`);
  if (lintVersion !== undefined && !served.versions.includes(lintVersion)) {
    throw new UserError(`the service has no version "${lintVersion}" of ${language}; the versions are: ${served.versions.join(", ")}.`);
  }
}

function checkOptions(json: string | undefined): void {
  if (json === undefined) return;
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new UserError(`--options is not JSON: ${messageOf(error)}.`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new UserError('--options must be a JSON object, such as {"select": ["E"]}.');
}

function wholeNumber(flag: string, text: string, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!(value >= 1 && value <= max)) throw new UserError(`${flag} is "${text}", but must be a whole number from 1 to ${max}.`);
  return value;
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
