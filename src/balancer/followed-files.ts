/**
 * Files with secrets that are kept in use: read, watched, read again on demand, and handed on when what they say is good and new. What
 * is bad changes nothing and is told. Must not know what is in them, nor who uses it.
 */
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import type { Clock, Timer } from "../base/clock.js";
import { codeOf, messageOf, UserError } from "../base/errors.js";
import { FileWatch } from "../base/file-watch.js";
import type { Logger, LogFields } from "../base/logger.js";

export interface FollowedFilesOptions<T> {
  /** "certificate", for the log. */
  readonly what: string;
  readonly paths: readonly string[];
  /** Throws a UserError that names the file. `isFirst`: there is nothing else to go on with. */
  readonly parse: (contents: readonly Buffer[], isFirst: boolean) => T;
  /** For the log: never a secret. */
  readonly describe: (value: T) => LogFields;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Files that belong together are replaced one after the other: they are read when all have been still for so long. */
  readonly settleMs?: number;
  /** A key file is a few KB, a chain of certificates some ten. */
  readonly fileBytesMax?: number;
}

/** Puts a value into use; "" when it could, else why not, and then nothing has changed. */
export type Use<T> = (value: T) => Promise<string>;

/** What a look at the files found. */
export type Look =
  | { readonly kind: "same" }
  | { readonly kind: "bad"; readonly problem: string }
  /** `use` puts it into use; "" or why not. */
  | { readonly kind: "new"; readonly use: () => Promise<string> };

const defaultSettleMs = 300;
const watchSettleMs = 100;
/** As for the configuration file: how late a change is noticed that sends no event. */
const pollMs = 2_000;
const defaultFileBytesMax = 1024 * 1024;

export class FollowedFiles<T> {
  private use: Use<T> | undefined;
  private watches: readonly FileWatch[] = [];
  private timer: Timer | undefined;
  /** What was last found bad: told once, however often it is looked at. */
  private toldProblem = "";
  /** One look at a time. */
  private queue: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly options: FollowedFilesOptions<T>,
    /** What is in use. */
    public value: T,
    private hash: string,
  ) {}

  /** Reads the files. Throws a UserError with what is wrong. */
  static async open<T>(options: FollowedFilesOptions<T>): Promise<FollowedFiles<T>> {
    const contents = await readAll(options);
    return new FollowedFiles(options, options.parse(contents, true), hashOf(contents));
  }

  /** Puts the value into use, and every good one that follows. Throws a UserError when the first cannot be. */
  async start(use: Use<T>): Promise<void> {
    const { paths, clock, logger, what, describe } = this.options;
    const refused = await use(this.value);
    if (refused !== "") throw new UserError(`the ${what} in ${paths.join(" and ")} cannot be used: ${refused}`);
    logger.info(`${what} in use`, describe(this.value));
    this.use = use;
    this.watches = paths.map((path) => new FileWatch({ path, clock, logger, settleMs: watchSettleMs, pollMs, onChange: () => this.lookSoon() }));
    await Promise.all(this.watches.map((watch) => watch.start()));
    // They may have changed between the first read and the watch.
    this.lookSoon();
  }

  /** Reads the files now, and changes nothing. */
  look(): Promise<Look> {
    return this.inTurn(async () => {
      const { options } = this;
      try {
        const contents = await readAll(options);
        const hash = hashOf(contents);
        if (hash === this.hash) return { kind: "same" };
        const value = options.parse(contents, false);
        return { kind: "new", use: () => this.inTurn(() => this.replace(value, hash)) };
      } catch (thrown) {
        return { kind: "bad", problem: `${messageOf(thrown)}; the ${options.what} before it stays in use` };
      }
    });
  }

  /** Says it in the log. */
  tell(problem: string): void {
    this.toldProblem = problem;
    this.options.logger.error(problem);
  }

  async stop(): Promise<void> {
    this.options.clock.clear(this.timer);
    for (const watch of this.watches) watch.stop();
    await this.queue;
  }

  private inTurn<R>(step: () => Promise<R>): Promise<R> {
    const result = this.queue.then(step);
    this.queue = result.catch(() => undefined);
    return result;
  }

  private lookSoon(): void {
    const { clock, settleMs = defaultSettleMs } = this.options;
    clock.clear(this.timer);
    this.timer = clock.after(settleMs, () => void this.follow());
  }

  private async follow(): Promise<void> {
    const look = await this.look();
    if (look.kind === "new") await look.use();
    else if (look.kind === "same") this.toldProblem = "";
    else if (look.problem !== this.toldProblem) this.tell(look.problem);
  }

  private async replace(value: T, hash: string): Promise<string> {
    const { options, use } = this;
    if (use === undefined || hash === this.hash) return "";
    const refused = await use(value);
    if (refused !== "") {
      const problem = `the ${options.what} in ${options.paths.join(" and ")} cannot be used: ${refused}; the one before it stays in use`;
      this.tell(problem);
      return problem;
    }
    this.value = value;
    this.hash = hash;
    this.toldProblem = "";
    options.logger.info(`${options.what} replaced`, options.describe(value));
    return "";
  }
}

function readAll<T>({ paths, fileBytesMax = defaultFileBytesMax }: FollowedFilesOptions<T>): Promise<Buffer[]> {
  return Promise.all(
    paths.map(async (path) => {
      const [bytes, { mode }] = await Promise.all([readFile(path), stat(path)]).catch((thrown: unknown) => {
        throw new UserError(`the file ${path} cannot be read: ${codeOf(thrown) === "ENOENT" ? "there is no such file" : messageOf(thrown)}`);
      });
      if ((mode & 0o002) !== 0) throw new UserError(`the file ${path} can be written by everybody; run chmod o-w ${path}`);
      if (bytes.length > fileBytesMax) throw new UserError(`the file ${path} has ${bytes.length} bytes; expected at most ${fileBytesMax}`);
      return bytes;
    }),
  );
}

function hashOf(contents: readonly Buffer[]): string {
  const hash = createHash("sha256");
  for (const bytes of contents) hash.update(`${bytes.length}:`).update(bytes);
  return hash.digest("hex");
}
