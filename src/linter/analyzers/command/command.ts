/**
 * The `command` analyzer: any program that takes a file or standard input and prints what it finds. The
 * program is the operator's, the source is a stranger's: it reaches the program as bytes and as nothing else, not as an
 * argument, not as a file name of the user's choosing (a file named `.eslintrc.js` would be read as configuration).
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { systemClock } from "../../../base/clock.js";
import type { Diagnostic } from "../../../formats/report.js";
import { LineIndex } from "../../line-index.js";
import { processGroups } from "../../process-groups.js";
import { endingOf, LimitBroken, Rejection, withoutByteOrderMark, type Analyzer, type Source } from "../analyzer.js";
import { placeFindings, type Findings } from "./findings.js";
import { readOutput } from "./read-output.js";
import { sandboxArguments } from "./sandbox.js";
import { runProgram, type ProgramResult } from "./run-program.js";
import type { CommandSettings } from "./settings.js";

const filePlaceholder = "{file}";

export function createCommandAnalyzer(settings: CommandSettings): Analyzer {
  return {
    linterName: basename(settings.program),
    linterVersion: settings.version,
    documentationUrl: "",
    // Nothing is known of the language; an empty file is a file in nearly all of them.
    selfTest: { source: "", filename: "" },
    analyze: (source) => analyze(settings, source),
  };
}

async function analyze(settings: CommandSettings, source: Source): Promise<readonly Diagnostic[]> {
  if (source.options !== undefined) throw new Rejection(`${basename(settings.program)} takes no options here.`);
  const folder = await mkdtemp(join(settings.folder, "run-"));
  try {
    const result = await runIn(folder, settings, source);
    const findings = findingsOf(result, settings, folder);
    return placeFindings(findings, new LineIndex(withoutByteOrderMark(source.text), "crlf"));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runIn(folder: string, settings: CommandSettings, source: Source): Promise<ProgramResult> {
  const takesFile = settings.args.some((arg) => arg.includes(filePlaceholder));
  const path = join(folder, `input${endingOf(source.filename)}`);
  if (takesFile) await writeFile(path, source.bytes);
  const args = settings.args.map((arg) => arg.replaceAll(filePlaceholder, path));
  const { program, sandbox } = settings;
  return runProgram(
    {
      program: sandbox === "" ? program : sandbox,
      args: sandbox === "" ? args : [...sandboxArguments(program, folder), program, ...args],
      stdin: takesFile ? undefined : source.bytes,
      folder,
      timeoutMs: settings.timeoutMs,
      outputBytesMax: settings.outputBytesMax,
      processesMax: settings.processesMax,
      diskBytesMax: settings.diskBytesMax,
      onGroup: (group) => processGroups.set(group),
    },
    systemClock,
  );
}

/** What the program said; throws what keeps it from being a report. */
function findingsOf(result: ProgramResult, settings: CommandSettings, folder: string): Findings {
  const name = basename(settings.program);
  switch (result.kind) {
    case "exited": {
      const { code } = result;
      const stdout = withoutFolder(result.stdout, folder);
      const stderr = withoutFolder(result.stderr, folder);
      return readOutput({ name, code, stdout, stderr, format: settings.report });
    }
    case "timed-out":
      throw new LimitBroken(`${name} took longer than ${settings.timeoutMs} ms and was killed.`);
    case "too-much-output":
      throw new LimitBroken(`${name} wrote more than ${settings.outputBytesMax} bytes and was killed.`);
    case "too-many-processes":
      throw new LimitBroken(`${name} started more than ${settings.processesMax} processes and was killed.`);
    case "too-much-disk":
      throw new LimitBroken(`${name} took more than ${settings.diskBytesMax} bytes of the disk and was killed.`);
    case "signalled":
      // The system's own limit for files (LimitFSIZE= of a systemd unit).
      if (result.signal === "SIGXFSZ") throw new LimitBroken(`${name} wrote a larger file than the system lets it and was killed.`);
      throw new Error(`${name} was ended by ${result.signal}.`);
    case "not-started":
      throw new Error(`${name} could not be started: ${result.reason}.`);
  }
}

/** Reports must not differ from run to run, nor tell where files lie: the run's folder is taken out of the output. */
function withoutFolder(output: string, folder: string): string {
  return output.replaceAll(`${folder}/`, "").replaceAll(folder, ".");
}
