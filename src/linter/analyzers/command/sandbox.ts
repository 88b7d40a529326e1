/**
 * Runs a program where it can do no harm: with bubblewrap (https://github.com/containers/bubblewrap) in namespaces of its own. It sees the
 * system read-only and of other people's data nothing, has no network, may write into its run's folder alone, and whatever it starts
 * ends with it. Must not know what it runs.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { UserError } from "../../../base/errors.js";

/** Where data lies, on a system laid out as usual; what programs need to run is elsewhere. */
const hidden = ["/home", "/root", "/tmp", "/var", "/run", "/srv", "/mnt", "/media", "/etc/lintel"];
/** What the empty folders in their place hold, each: they are memory. */
const emptyBytesMax = 16 * 1024 * 1024;
const probeTimeoutMs = 10_000;

/** The arguments for bubblewrap before those of the program. `folder` is the run's. */
export function sandboxArguments(program: string, folder: string): string[] {
  const empty = hidden.filter((path) => existsSync(path)).flatMap((path) => ["--size", String(emptyBytesMax), "--tmpfs", path]);
  // A program in a hidden place brings its own folder with it.
  const own = hidden.some((path) => program.startsWith(`${path}/`)) ? ["--ro-bind", dirname(program), dirname(program)] : [];
  return ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", ...empty, ...own, "--bind", folder, folder, "--chdir", folder, "--unshare-all", "--cap-drop", "ALL", "--die-with-parent", "--"];
}

/** Throws a UserError when `bubblewrap` (its path) cannot make a sandbox here for this program. */
export function checkSandbox(bubblewrap: string, program: string, folder: string): void {
  const { status, stderr, error } = spawnSync(bubblewrap, [...sandboxArguments(program, folder), "/bin/sh", "-c", `test -x "$0"`, program], { encoding: "utf8", timeout: probeTimeoutMs });
  if (status === 0) return;
  const why = error?.message ?? (stderr.trim().split("\n")[0] || "the program is not to be seen in it");
  throw new UserError(`--sandbox: bubblewrap cannot make a sandbox here: ${why}. It needs user namespaces, or root; where they are not allowed, confine the worker from outside, as systemd/lintel-linter@.service does.`);
}
