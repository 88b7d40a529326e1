/** Runs `lintel` as users do: a process of its own, from dist/. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const mainPath = fileURLToPath(new URL("../../src/main.js", import.meta.url));

export interface LintelRun {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface LintelRunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Buffer;
  /** Closes our end of its standard output after the first bytes, as `head` does. */
  readonly closeStdout?: boolean;
}

export function runLintel(args: readonly string[], options: LintelRunOptions = {}): Promise<LintelRun> {
  return runProcess(process.execPath, [mainPath, ...args], options);
}

export function runProcess(command: string, args: readonly string[], options: LintelRunOptions = {}): Promise<LintelRun> {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => name !== "LINTEL_URL"));
  const child = spawn(command, args, { cwd: options.cwd, env: { ...inherited, ...options.env }, stdio: ["pipe", "pipe", "pipe"], timeout: 60_000 });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    if (options.closeStdout === true) child.stdout.destroy();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.stdin);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

/** A folder with these files in it; contents are written as they are. */
export function folderWith(files: Readonly<Record<string, string | Buffer>>): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), "lintel-test-"));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), content);
  }
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
