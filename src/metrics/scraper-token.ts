/** What a scraper must show, from a file that is read anew at every question: a Secret that is replaced needs no restart. Must not know what is asked. */
import { createHash, timingSafeEqual } from "node:crypto";
import { readFile } from "node:fs/promises";
import { messageOf, UserError } from "../base/errors.js";

/** Shorter ones can be guessed; `openssl rand -hex 24` makes 48. */
const charactersMin = 16;

export class ScraperToken {
  private constructor(private readonly path: string) {}

  /** Throws a UserError when there is no token in the file. */
  static async open(path: string): Promise<ScraperToken> {
    await tokenIn(path);
    return new ScraperToken(path);
  }

  /** Whether an Authorization header has it. Throws a UserError when the file has none any more. */
  async isIn(authorization: string | undefined): Promise<boolean> {
    const token = await tokenIn(this.path);
    const [, shown = ""] = /^bearer +(\S+)$/i.exec(authorization ?? "") ?? [];
    // In a time that says nothing of it.
    return timingSafeEqual(digestOf(shown), digestOf(token));
  }
}

async function tokenIn(path: string): Promise<string> {
  const text = await readFile(path, "utf8").catch((thrown: unknown) => {
    throw new UserError(`the metrics token file cannot be read: ${messageOf(thrown)}`);
  });
  const token = text.trim();
  if (/\s/.test(token) || token.length < charactersMin) throw new UserError(`the metrics token file ${path}: expected one word of at least ${charactersMin} characters; make one with: openssl rand -hex 24 > ${path}`);
  return token;
}

function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
