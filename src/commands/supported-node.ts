/**
 * The program's first step: on a Node that cannot run it, one sentence, and nothing of the rest is loaded. The older ones would fail
 * at loading, the newer ones at the native HTTP server. What main.ts loads before the check, this file, keeps to what Node 12 reads.
 */
import type { CommandEntries } from "./program.js";

/** "" for a version that runs everything, else the sentence. The range is that of package.json; scripts/setup.mjs says the same before anything is compiled. */
export function refusalOf(version: string): string {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > 20 ? major < 23 : major === 20 && minor >= 19) return "";
  return `this is Node ${version}, but Lintel needs Node 20.19 or newer, up to 22; install one of those and run the command again.`;
}

/** Runs the command that the process's arguments name and sets the exit code; never throws. */
export async function run(entries: CommandEntries): Promise<void> {
  const refusal = refusalOf(process.versions.node);
  if (refusal !== "") {
    process.stderr.write(`lintel: ${refusal}\n`);
    // As for everything that the person at the terminal can mend; base/errors.ts is not loaded yet.
    process.exitCode = 2;
    return;
  }
  const program = await import("./program.js");
  await program.run(entries);
}
