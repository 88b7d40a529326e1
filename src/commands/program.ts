/**
 * Runs one command: loads only its file, hands it the arguments, turns a thrown error into one sentence
 * and an exit code. Must not know what the commands do.
 */
import { Command, CommanderError } from "commander";
import { exitCodes, UserError } from "../base/errors.js";
import { programText } from "../base/program.js";

export interface CommandEntry {
  readonly summary: string;
  /** The module's `define` adds options, arguments and the action to a fresh command; all entries are handed to it, too. */
  readonly load: () => Promise<{ define(command: Command, entries: CommandEntries): void }>;
}

/** By name. */
export type CommandEntries = Readonly<Record<string, CommandEntry>>;

/** The version in package.json. */
export function lintelVersion(): string {
  return (JSON.parse(programText("package.json")) as { version: string }).version;
}

/** Runs the command that the process's arguments name and sets the exit code; never throws. */
export async function run(entries: CommandEntries): Promise<void> {
  const program = new Command("lintel")
    .description("Lintel, an online linter service")
    .version(lintelVersion())
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError("(--help shows what there is)");
  const wanted = process.argv[2];
  for (const [name, entry] of Object.entries(entries)) {
    const command = program.command(name).description(entry.summary).exitOverride();
    if (name === wanted) (await entry.load()).define(command, entries);
  }
  try {
    await program.parseAsync();
  } catch (error) {
    process.exitCode = explain(error);
  }
}

function explain(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (error instanceof UserError) {
    process.stderr.write(`lintel: ${error.message}\n`);
    return error.exitCode;
  }
  process.stderr.write(`lintel: unexpected error, please report it\n${error instanceof Error ? error.stack ?? error.message : String(error)}\n`);
  return exitCodes.failed;
}
