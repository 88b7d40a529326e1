/**
 * Tells a process that was started earlier from another one that has its number now. Only where the system shows both
 * (Linux); elsewhere no process is ever recognised. Must not know what the processes are.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

/**
 * What stays the same for as long as a process lives and differs for every other one: when it started, counted from which
 * boot, and its command line. "" when there is no such process, when it has ended and only waits for its parent to hear of
 * it, or when the system does not tell.
 */
export function identityOf(pid: number): string {
  const stat = readText(`/proc/${pid}/stat`);
  // The name, second and in parentheses, may hold anything; after it come the state and, 19 fields later, the start.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state = "", startTicks] = [fields[0], fields[19]];
  if (startTicks === undefined || state === "Z" || state === "X") return "";
  const commandLine = readText(`/proc/${pid}/cmdline`);
  if (commandLine === "") return "";
  // Unreadable under a strict sandbox: then start and command line must do.
  const boot = readText("/proc/sys/kernel/random/boot_id").trim();
  return createHash("sha256").update([boot, startTicks, commandLine].join("\n")).digest("hex").slice(0, 32);
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
