/**
 * Runs `lintel admin` again and again in one process: started anew each takes a quarter of a second of a core. The program's own
 * way from arguments to exit code; only what it prints is kept instead of printed. Speaks over the channel to whoever started it.
 */
import { run } from "../../src/commands/program.js";
import type { LintelRun } from "./run-lintel.js";

export interface AdministratorAsk {
  readonly id: number;
  readonly args: readonly string[];
}

export interface AdministratorAnswer {
  readonly id: number;
  readonly run: LintelRun;
}

const [node = "", script = ""] = process.argv;

async function answer({ id, args }: AdministratorAsk): Promise<AdministratorAnswer> {
  const printed = { stdout: "", stderr: "" };
  const stdout = catchWrites("stdout", (text) => (printed.stdout += text));
  const stderr = catchWrites("stderr", (text) => (printed.stderr += text));
  process.argv = [node, script, "admin", ...args];
  await run({ admin: { summary: "", load: () => import("../../src/commands/admin.js") } });
  const code = Number(process.exitCode ?? 0);
  process.exitCode = 0;
  stdout();
  stderr();
  return { id, run: { code, signal: null, ...printed } };
}

/** Returns how to stop catching. */
function catchWrites(name: "stdout" | "stderr", take: (text: string) => void): () => void {
  const stream = process[name];
  const write = stream.write.bind(stream);
  stream.write = (chunk: string | Uint8Array, ...rest: readonly unknown[]): boolean => {
    take(String(chunk));
    for (const callback of rest) if (typeof callback === "function") (callback as () => void)();
    return true;
  };
  return () => (stream.write = write);
}

// One after the other: the process has one argv and one exit code.
let queue: Promise<unknown> = Promise.resolve();
process.on("message", (ask: AdministratorAsk) => {
  queue = queue.then(async () => process.send?.(await answer(ask)));
});
process.on("disconnect", () => process.exit(0));
