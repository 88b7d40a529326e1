/**
 * `lintel check FILE`: tells whether a configuration file is valid, without a service. Reads the file as the
 * other commands would; must not start anything.
 */
import { type Command, Option } from "commander";
import { exitCodes, UserError } from "../base/errors.js";
import { readConfigurationText } from "../manager-link/configuration-reading.js";
import { configurationJsonSchemaText } from "../snapshot/configuration-schema.js";
import { type Configuration, type ConfigurationResult, parseConfiguration } from "../snapshot/configuration.js";
import type { ConfigurationRole } from "../snapshot/cross-checks.js";
import { renderProblem } from "../snapshot/problem.js";

interface Flags {
  readonly schema?: true;
  readonly output: "text" | "json";
  readonly for: ConfigurationRole;
}

export function define(command: Command): void {
  command
    .argument("[file]", "the configuration file")
    .option("--schema", "print the JSON Schema of the file, for editors, and check nothing")
    .addOption(new Option("--for <command>", "the command that is to use the file: a balancer starts no linters").choices(["up", "balancer"]).default("up"))
    .addOption(new Option("-o, --output <format>", "how to print the result").choices(["text", "json"]).default("text"))
    .addHelpText("after", "\nExit code 0: valid. 2: not valid, or not readable; every problem is on standard error.")
    .action(async (file: string | undefined, flags: Flags) => {
      if (flags.schema === true) process.stdout.write(configurationJsonSchemaText());
      else if (file === undefined) throw new UserError("no file given; expected lintel check FILE, for instance lintel check lintel.yaml");
      else await check(file, flags);
    });
}

async function check(file: string, flags: Flags): Promise<void> {
  const read = await readConfigurationText(file);
  const result: ConfigurationResult = read.kind === "text" ? parseConfiguration(read.text, file, { role: flags.for }) : { kind: "invalid", problems: [read.problem] };
  if (flags.output === "json") printJson(file, result);
  else printText(file, result);
  process.exitCode = result.kind === "valid" ? exitCodes.ok : exitCodes.usage;
}

function printText(file: string, result: ConfigurationResult): void {
  if (result.kind === "invalid") {
    for (const problem of result.problems) process.stderr.write(`${renderProblem(problem)}\n`);
    return;
  }
  for (const warning of result.warnings) process.stderr.write(`warning: ${renderProblem(warning)}\n`);
  process.stdout.write(`${file} is valid: ${describeContents(result.configuration)}\n`);
}

function printJson(file: string, result: ConfigurationResult): void {
  const outcome =
    result.kind === "valid"
      ? { file, valid: true, problems: [], warnings: result.warnings, contents: contentsOf(result.configuration) }
      : { file, valid: false, problems: result.problems, warnings: [] };
  process.stdout.write(`${JSON.stringify(outcome, null, 2)}\n`);
}

function contentsOf({ languages }: Configuration) {
  const versions = languages.flatMap((language) => language.versions);
  return {
    languages: languages.map((language) => language.language),
    versions: versions.length,
    workersByAddress: versions.reduce((sum, version) => sum + version.workers.length, 0),
    workersToStart: versions.reduce((sum, version) => sum + (version.run?.workers ?? 0), 0),
  };
}

function describeContents(configuration: Configuration): string {
  const { languages, versions, workersByAddress, workersToStart } = contentsOf(configuration);
  const names = languages.length === 0 ? " (`lintel up` starts the built-in ones)" : ` (${languages.join(", ")})`;
  const toStart = workersToStart === 0 ? "" : `, ${counted(workersToStart, "worker")} to start`;
  return `${counted(languages.length, "language")}${names}, ${counted(versions, "version")}, ${counted(workersByAddress, "worker")} by address${toStart}`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
