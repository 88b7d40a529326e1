/**
 * What can stand where the cursor is, from the commands' own definitions and, for live names, from the manager. Never fails:
 * where nothing is known nothing is offered. Must not know shells.
 */
import { Command, type Option } from "commander";
import { builtinLinters } from "../snapshot/well-known-languages.js";
import { type LiveNameKind, liveNames } from "./completion-live-names.js";
import type { CommandEntries } from "./program.js";

export interface Candidate {
  readonly word: string;
  /** One line; may be empty. */
  readonly meaning: string;
}

export interface Candidates {
  readonly kind: "words" | "joined" | "files";
  readonly words: readonly Candidate[];
}

const nothing: Candidates = { kind: "words", words: [] };
const wordsOf = (words: readonly Candidate[]): Candidates => ({ kind: "words", words });
const fileNames: Candidates = { kind: "files", words: [] };

/** Where the words before the cursor lead. */
interface Place {
  readonly command: Command;
  readonly operands: readonly string[];
  /** The option whose value is next. */
  readonly valueOf: Option | undefined;
  /** After "--" there are no options. */
  readonly onlyOperands: boolean;
}

/** `words` are those after "lintel"; the last is what the cursor is at, perhaps empty. */
export async function candidatesFor(words: readonly string[], entries: CommandEntries): Promise<Candidates> {
  const [name = "", ...rest] = words;
  if (words.length <= 1) return startingWith(name, wordsOf(Object.entries(entries).map(([word, { summary }]) => ({ word, meaning: summary }))));
  const entry = Object.hasOwn(entries, name) ? entries[name] : undefined;
  if (entry === undefined) return nothing;
  const command = new Command(name);
  (await entry.load()).define(command, entries);
  const current = rest.at(-1) ?? "";
  const before = rest.slice(0, -1);
  return startingWith(current, await offered(placeAfter(command, before), before, current));
}

async function offered(place: Place, before: readonly string[], current: string): Promise<Candidates> {
  const { command, valueOf, onlyOperands } = place;
  if (valueOf !== undefined) return valuesOf(valueOf);
  if (!onlyOperands && current.startsWith("--") && current.includes("=")) return inlineValues(command, current);
  if (!onlyOperands && current.startsWith("-")) return wordsOf(flagsOf(command, before));
  const subcommands = place.operands.length === 0 ? visibleSubcommands(command) : [];
  const operands = await operandsFor(place, before, current);
  return { kind: operands.kind, words: [...subcommands, ...operands.words] };
}

function placeAfter(root: Command, words: readonly string[]): Place {
  let command = root;
  let operands: string[] = [];
  let valueOf: Option | undefined;
  let onlyOperands = false;
  for (const word of words) {
    if (valueOf !== undefined) valueOf = undefined;
    else if (onlyOperands) operands.push(word);
    else if (word === "--") onlyOperands = true;
    else if (word.startsWith("-")) valueOf = optionNamed(command, word);
    else {
      const next = operands.length === 0 ? command.commands.find((one) => one.name() === word) : undefined;
      if (next === undefined) operands.push(word);
      else [command, operands] = [next, []];
    }
  }
  return { command, operands, valueOf, onlyOperands };
}

/** The option, when its value is the next word. */
function optionNamed(command: Command, word: string): Option | undefined {
  return command.options.find((option) => option.required && (option.long === word || option.short === word));
}

function valuesOf(option: Option): Candidates {
  if (option.argChoices !== undefined) return wordsOf(option.argChoices.map((word) => ({ word, meaning: "" })));
  return /<(file|path|dir)\b/.test(option.flags) ? fileNames : nothing;
}

function inlineValues(command: Command, current: string): Candidates {
  const flag = current.slice(0, current.indexOf("="));
  const option = command.options.find(({ long }) => long === flag);
  const { words } = option === undefined ? nothing : valuesOf(option);
  return wordsOf(words.map(({ word, meaning }) => ({ word: `${flag}=${word}`, meaning })));
}

/** Those not given yet, and those that may be given again. */
function flagsOf(command: Command, before: readonly string[]): Candidate[] {
  const options = [...command.options.filter((option) => !option.hidden), ...helpOption(command)];
  const isFree = ({ long, short, defaultValue }: Option): boolean => Array.isArray(defaultValue) || !before.some((word) => word === short || word === long || word.startsWith(`${long ?? ""}=`));
  return options.filter(isFree).flatMap(({ long, description }) => (long === undefined ? [] : [{ word: long, meaning: description }]));
}

function helpOption(command: Command): readonly Option[] {
  return command.createHelp().visibleOptions(command).filter(({ long }) => long === "--help");
}

function visibleSubcommands(command: Command): Candidate[] {
  return command.createHelp().visibleCommands(command).filter((one) => one.name() !== "help").map((one) => ({ word: one.name(), meaning: one.description() }));
}

async function operandsFor({ command, operands }: Place, before: readonly string[], current: string): Promise<Candidates> {
  const argument = command.registeredArguments[operands.length] ?? command.registeredArguments.findLast(({ variadic }) => variadic);
  if (argument === undefined) return nothing;
  if (argument.argChoices !== undefined) return wordsOf(argument.argChoices.map((word) => ({ word, meaning: "" })));
  const [language = ""] = operands;
  switch (argument.name()) {
    case "path":
    case "file":
      return fileNames;
    case "language":
      // A worker is of a linter that is built in, or of any name.
      return command.name() === "linter" ? wordsOf(builtinLinters.map((word) => ({ word, meaning: "built in" }))) : live("languages");
    case "version":
      return live("versions", language);
    case "version=weight":
      return weightsFor(operands, (await live("versions", language)).words, current);
    case "worker":
      return live("workers");
    case "revision":
      return live("revisions");
    default:
      return nothing;
  }
  async function live(kind: LiveNameKind, of = ""): Promise<Candidates> {
    return wordsOf(await liveNames(kind, of, before));
  }
}

/** "0.18.0=", for the weight to be typed behind it: of the versions that have none yet. */
function weightsFor(operands: readonly string[], versions: readonly Candidate[], current: string): Candidates {
  if (current.includes("=")) return nothing;
  const words = versions.filter(({ word }) => !operands.some((given) => given.startsWith(`${word}=`))).map(({ word, meaning }) => ({ word: `${word}=`, meaning }));
  return { kind: "joined", words };
}

function startingWith(current: string, { kind, words }: Candidates): Candidates {
  return { kind, words: words.filter(({ word }) => word.startsWith(current)) };
}
