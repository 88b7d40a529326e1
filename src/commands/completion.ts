/**
 * `lintel completion SHELL` prints what a shell needs to complete lintel's command lines; the shell then asks `lintel completion
 * answer -- WORDS…` at every Tab. So what is offered is always what this program knows, live names included, and what is written
 * for a shell is a few lines. Must not know what the commands do.
 *
 * An answer is a line that says what kind of words follow ("words"; "joined": no space goes behind one; "files": the shell's own
 * completion of file names, and no more lines), then a line for each word: the word, a tab, what it means.
 */
import type { Command } from "commander";
import { Argument } from "commander";
import { type Candidates, candidatesFor } from "./completion-candidates.js";
import { type Shell, shells, shellScript } from "./completion-scripts.js";
import type { CommandEntries } from "./program.js";

const help = `
bash   eval "$(lintel completion bash)"                              in ~/.bashrc
zsh    eval "$(lintel completion zsh)"                               in ~/.zshrc, after compinit
fish   lintel completion fish > ~/.config/fish/completions/lintel.fish`;

export function define(command: Command, entries: CommandEntries): void {
  command
    .addArgument(new Argument("<shell>", "the shell to print the script for").choices(shells))
    .addHelpText("after", help)
    .action((shell: Shell) => {
      process.stdout.write(shellScript(shell));
    });
  command
    .command("answer", { hidden: true })
    .description("what the scripts ask: the words after lintel, the last of them unfinished")
    .argument("[words...]")
    .action(async (words: readonly string[]) => {
      process.stdout.write(answerText(await candidatesFor(words, entries)));
    });
}

function answerText({ kind, words }: Candidates): string {
  return [kind, ...words.map(({ word, meaning }) => `${word}\t${meaning}`)].map((line) => `${line}\n`).join("");
}
