/**
 * Who may call a manager, from a file with one line for each: ROLE NAME SECRET. Must not know what is called, nor how a
 * secret travels.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import type { Clock } from "../base/clock.js";
import { codeOf, messageOf, UserError } from "../base/errors.js";
import { FileWatch } from "../base/file-watch.js";
import type { Logger } from "../base/logger.js";
import { type Role, roles } from "./roles.js";

/** Somebody whose secret was right. */
export interface Caller {
  /** For the history and the audit log. */
  readonly who: string;
  readonly role: Role;
}

type Entry = Caller & ({ readonly proof: "token"; readonly digest: Buffer } | { readonly proof: "certificate" });

/** Shorter ones can be guessed; `openssl rand -hex 32` makes 64. */
const tokenCharactersMin = 16;
/** Thousands of callers. */
const fileBytesMax = 1024 * 1024;
/** An editor truncates first and writes then; a caller who was taken out is out within two seconds at most. */
const settleMs = 100;
const pollMs = 2_000;

export class AccessList {
  private watch: FileWatch | undefined;

  private constructor(private entries: readonly Entry[]) {}

  /** Throws a UserError with the place of what is wrong. From then on the file is read again whenever it changes; a wrong one changes nothing. */
  static async open(path: string, clock: Clock, logger: Logger): Promise<AccessList> {
    const list = new AccessList(await entriesIn(path, logger));
    const reload = async (): Promise<void> => {
      try {
        list.entries = await entriesIn(path, logger);
        logger.info("the tokens file was read again", { file: path, callers: list.entries.length });
      } catch (thrown) {
        logger.error("the tokens file was refused; who was let in before still is", { reason: messageOf(thrown) });
      }
    };
    list.watch = new FileWatch({ path, clock, logger, settleMs, pollMs, onChange: () => void reload() });
    await list.watch.start();
    return list;
  }

  /** Looks at every entry, in a time that says nothing of the token. */
  byToken(token: string): Caller | undefined {
    const digest = digestOf(token);
    let found: Caller | undefined;
    for (const entry of this.entries) if (entry.proof === "token" && timingSafeEqual(entry.digest, digest)) found = entry;
    return found;
  }

  /** `name` is the common name of a certificate that was verified. */
  byCertificate(name: string): Caller | undefined {
    return this.entries.find((entry) => entry.proof === "certificate" && entry.who === name);
  }

  close(): void {
    this.watch?.stop();
  }
}

async function entriesIn(path: string, logger: Logger): Promise<Entry[]> {
  const text = await readText(path);
  const { mode } = await stat(path);
  if ((mode & 0o002) !== 0) throw new UserError(`the tokens file ${path} can be written by everybody; run chmod 600 ${path}`);
  const entries: Entry[] = [];
  let hasPlainTokens = false;
  for (const [index, line] of text.split("\n").entries()) {
    const words = line.replace(/^\s*#.*/, "").trim().split(/\s+/);
    if (words[0] === "") continue;
    entries.push(entryOf(words, `${path}:${index + 1}`));
    hasPlainTokens ||= !/^(sha256:|certificate$)/.test(words[2] ?? "");
  }
  if (entries.length === 0) throw new UserError(`the tokens file ${path} lets nobody in; expected lines of ROLE NAME TOKEN, such as: admin alice sha256:…`);
  if (hasPlainTokens && (mode & 0o004) !== 0) logger.warn("the tokens file can be read by everybody; make it mode 600, or keep sha256:… of the tokens in it", { file: path });
  return entries;
}

async function readText(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > fileBytesMax) throw new UserError(`the tokens file ${path} has more than ${fileBytesMax} bytes; is it the right one?`);
    return await readFile(path, "utf8");
  } catch (thrown) {
    if (thrown instanceof UserError) throw thrown;
    throw new UserError(`the tokens file ${path} cannot be read: ${codeOf(thrown) === "ENOENT" ? "there is no such file" : messageOf(thrown)}`);
  }
}

/** Never says the secret: the message may end in a log. */
function entryOf([roleGiven = "", who = "", secret = "", ...more]: readonly string[], place: string): Entry {
  const role = roles.find((one) => one === roleGiven);
  if (role === undefined) throw new UserError(`${place}: there is no such role; expected ROLE NAME SECRET with one of the roles ${roles.join(", ")}`);
  if (!/^[\w.@-]{1,64}$/.test(who)) throw new UserError(`${place}: the second word cannot be a name; expected up to 64 letters, digits and . _ @ -`);
  if (secret === "" || more.length > 0) throw new UserError(`${place}: expected three words, ROLE NAME SECRET, where SECRET is a token, sha256:HEX of one, or the word certificate`);
  if (secret === "certificate") return { role, who, proof: "certificate" };
  const hash = /^sha256:([0-9a-f]{64})$/i.exec(secret)?.[1];
  if (hash !== undefined) return { role, who, proof: "token", digest: Buffer.from(hash, "hex") };
  if (secret.startsWith("sha256:")) throw new UserError(`${place}: what follows sha256: is not 64 hexadecimal digits; make them with: printf %s TOKEN | sha256sum`);
  if (secret.length < tokenCharactersMin) throw new UserError(`${place}: the token has ${secret.length} characters, at least ${tokenCharactersMin} are needed; make one with: openssl rand -hex 32`);
  return { role, who, proof: "token", digest: digestOf(secret) };
}

function digestOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
