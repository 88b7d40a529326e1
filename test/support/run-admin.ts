/** `lintel admin` as administrators run it, against one manager. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { AdministratorAnswer, AdministratorAsk } from "./administrator-process.js";
import type { LintelRun } from "./run-lintel.js";

export interface Administrator {
  /** However it ends. */
  readonly tries: (...args: readonly string[]) => Promise<LintelRun>;
  /** What it prints; throws when it does not end with 0. */
  readonly does: (...args: readonly string[]) => Promise<string>;
  /** The document that `-o json` prints. */
  readonly asks: (...args: readonly string[]) => Promise<unknown>;
}

/** `flags` go behind every command. */
export function administratorOf(manager: string, flags: readonly string[] = []): Administrator {
  const tries = (...args: readonly string[]): Promise<LintelRun> => runAdmin([...args, "--manager", manager, ...flags]);
  const does = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await tries(...args);
    if (code !== 0) throw new Error(`lintel admin ${args.join(" ")} ended with ${code ?? "a signal"}: ${stdout}${stderr}`);
    return stdout;
  };
  return { tries, does, asks: async (...args) => JSON.parse(await does(...args, "-o", "json")) as unknown };
}

let administrator: ChildProcess | undefined;
const waiting = new Map<number, (run: LintelRun) => void>();
let asked = 0;

/** In one process for this whole test file, which ends with it. */
function runAdmin(args: readonly string[]): Promise<LintelRun> {
  administrator ??= start();
  const ask: AdministratorAsk = { id: ++asked, args };
  administrator.channel?.ref();
  administrator.send(ask);
  return new Promise((resolve) => waiting.set(ask.id, resolve));
}

function start(): ChildProcess {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^LINTEL_/.test(name)));
  const child = fork(fileURLToPath(new URL("administrator-process.js", import.meta.url)), { env, execArgv: [] });
  child.on("message", ({ id, run }: AdministratorAnswer) => {
    waiting.get(id)?.(run);
    waiting.delete(id);
    if (waiting.size === 0) child.channel?.unref();
  });
  child.unref();
  return child;
}
