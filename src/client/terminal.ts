/** What a command-line client needs of its terminal: whether colour is wanted, a progress line, a write that survives `| head`. */
import type { Writable } from "node:stream";
import type { Clock, Timer } from "../base/clock.js";
import { codeOf } from "../base/errors.js";

export type ColorFlag = "auto" | "always" | "never";

/**
 * The flag decides; else NO_COLOR (no-color.org: any value but the empty one), then FORCE_COLOR ("0" and
 * "false" mean no), then whether it is a terminal that can do it.
 *
 * A stream that is no terminal has no `isTTY` at all, whatever its type says; `undefined` must not get out of
 * here, because picocolors takes it for a question and answers it with colours wherever CI is set.
 */
export function wantsColor(flag: ColorFlag, env: Readonly<Record<string, string | undefined>>, isTerminal: boolean | undefined): boolean {
  if (flag !== "auto") return flag === "always";
  if ((env["NO_COLOR"] ?? "") !== "") return false;
  const force = env["FORCE_COLOR"];
  if (force !== undefined) return force !== "0" && force !== "false";
  return isTerminal === true && env["TERM"] !== "dumb";
}

/** Streams whose "error" event, which may come after the write that failed has been told of it, ends nothing. */
const guarded = new WeakSet<Writable>();

/** Resolves when `text` has left, with whether anybody reads: one who went away (EPIPE) has seen what they wanted. */
export function writeAll(stream: Writable, text: string): Promise<boolean> {
  if (!guarded.has(stream)) stream.on("error", () => undefined);
  guarded.add(stream);
  return new Promise((resolve, reject) => {
    stream.write(text, (error?: Error | null) => {
      if (error === undefined || error === null) resolve(true);
      else if (["EPIPE", "ERR_STREAM_DESTROYED"].includes(codeOf(error))) resolve(false);
      else reject(error);
    });
  });
}

/** A run shorter than this needs no progress line. */
const progressAfterMs = 1000;
const progressEveryMs = 100;

export interface ProgressOptions {
  readonly total: number;
  readonly clock: Clock;
  /** The terminal; the line stays on one row. */
  readonly write: (text: string) => void;
}

/** "linting 12/210 …", rewritten in place; `stop` takes it away. */
export class Progress {
  readonly #options: ProgressOptions;
  readonly #start: Timer;
  #ticks: Timer | undefined;
  #settled = 0;
  #shown = false;

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#start = options.clock.after(progressAfterMs, () => {
      this.#show();
      this.#ticks = options.clock.every(progressEveryMs, () => this.#show());
    });
  }

  settled(): void {
    this.#settled++;
  }

  stop(): void {
    this.#options.clock.clear(this.#start);
    if (!this.#shown) return;
    this.#options.clock.clear(this.#ticks);
    this.#options.write("\r\u001b[K");
  }

  #show(): void {
    this.#shown = true;
    this.#options.write(`\r\u001b[Klinting ${this.#settled}/${this.#options.total} …`);
  }
}
