/** `lintel admin` as administrators run it, against one manager. */
import { type LintelRun, runLintel } from "./run-lintel.js";

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
  const tries = (...args: readonly string[]): Promise<LintelRun> => runLintel(["admin", ...args, "--manager", manager, ...flags], { env: { LINTEL_TOKEN: "" } });
  const does = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await tries(...args);
    if (code !== 0) throw new Error(`lintel admin ${args.join(" ")} ended with ${code ?? "a signal"}: ${stdout}${stderr}`);
    return stdout;
  };
  return { tries, does, asks: async (...args) => JSON.parse(await does(...args, "-o", "json")) as unknown };
}
