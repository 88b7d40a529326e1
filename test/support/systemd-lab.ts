/** A real systemd for a test (systemd-lab/lab.sh), with this repository's units. */
import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repositoryRoot } from "./source-module.js";
import { waitUntil } from "./wait-until.js";

const script = join(repositoryRoot, "test/support/systemd-lab/lab.sh");
/** Longer than systemd takes for anything here on a busy machine. */
const timeoutMs = 60_000;

export interface CommandResult {
  readonly code: number | null;
  readonly output: string;
}

/** "" where a lab can be made. */
export function labLackingBecause(): string {
  if (process.getuid?.() !== 0) return "a systemd of its own needs root";
  if (spawnSync("systemctl", ["--version"]).status !== 0) return "systemd is not installed (Debian: apt-get install systemd dbus)";
  if (spawnSync("dbus-daemon", ["--version"]).status !== 0) return "dbus is not installed (Debian: apt-get install dbus)";
  if (spawnSync("unshare", ["--pid", "--fork", "--mount", "true"]).status !== 0) return "namespaces are not allowed here";
  return "";
}

export class SystemdLab {
  private constructor(
    private readonly folder: string,
    private readonly state: string,
  ) {}

  static up(): SystemdLab {
    const folder = mkdtempSync(join(tmpdir(), "lintel-systemd-"));
    const units = join(folder, "units");
    mkdirSync(units);
    cpSync(join(repositoryRoot, "systemd"), units, { recursive: true });
    const lab = new SystemdLab(folder, join(folder, "state"));
    const { status, stderr } = spawnSync(script, ["up", lab.state, units, repositoryRoot], { encoding: "utf8", timeout: timeoutMs });
    if (status !== 0) throw new Error(`the lab did not come up: ${stderr}`);
    return lab;
  }

  /** Runs a command inside, to its end. */
  run(...command: readonly string[]): CommandResult {
    const { status, stdout, stderr } = spawnSync(script, ["in", this.state, ...command], { encoding: "utf8", timeout: timeoutMs, cwd: "/" });
    return { code: status, output: stdout + stderr };
  }

  /** The same through a shell; throws when it fails. */
  shell(text: string): string {
    const { code, output } = this.run("sh", "-ec", text);
    if (code !== 0) throw new Error(`${text}\nended with ${code}: ${output}`);
    return output;
  }

  write(path: string, text: string): void {
    const { status, stderr } = spawnSync(script, ["in", this.state, "sh", "-ec", `mkdir -p "$(dirname "${path}")"; cat > "${path}"`], { input: text, encoding: "utf8", cwd: "/" });
    if (status !== 0) throw new Error(`${path}: ${stderr}`);
  }

  /** One property of a unit, as `systemctl show` has it. */
  property(unit: string, name: string): string {
    return this.shell(`systemctl show ${unit} --property=${name} --value`).trim();
  }

  log(unit: string): string {
    return this.shell(`journalctl --no-pager --unit=${unit}`);
  }

  /** Waits until a unit's property is as wanted. */
  until(unit: string, name: string, wanted: (value: string) => boolean): Promise<void> {
    return waitUntil(`${unit}: ${name}`, () => wanted(this.property(unit, name)));
  }

  /** A program inside that goes on until its input ends. */
  start(...command: readonly string[]): ChildProcessWithoutNullStreams {
    return spawn(script, ["in", this.state, ...command], { cwd: "/" });
  }

  down(): void {
    spawnSync(script, ["down", this.state], { timeout: timeoutMs });
    rmSync(this.folder, { recursive: true, force: true });
  }
}
