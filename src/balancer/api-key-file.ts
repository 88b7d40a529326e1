/** Who may lint, from an operator's file with a line for each key: NAME KEY, where KEY is a key or sha256:HEX of one. Must not know requests. */
import { hash } from "node:crypto";
import type { Clock } from "../base/clock.js";
import { UserError } from "../base/errors.js";
import type { Logger } from "../base/logger.js";
import type { ApiKey } from "../shard/api-keys.js";
import { FollowedFiles } from "./followed-files.js";

export type { ApiKey };

/** Shorter ones can be guessed; `openssl rand -hex 32` makes 64. */
const keyCharactersMin = 16;

/** Throws a UserError with the place of what is wrong. */
export function followApiKeys(path: string, clock: Clock, logger: Logger): Promise<FollowedFiles<readonly ApiKey[]>> {
  return FollowedFiles.open<readonly ApiKey[]>({
    what: "list of API keys",
    paths: [path],
    parse: ([bytes]) => keysIn(String(bytes), path),
    describe: (keys) => ({ file: path, keys: keys.length }),
    clock,
    logger,
  });
}

function keysIn(text: string, path: string): ApiKey[] {
  const keys: ApiKey[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const words = line.replace(/^\s*#.*/, "").trim().split(/\s+/);
    if (words[0] !== "") keys.push(keyOf(words, `${path}:${index + 1}`));
  }
  if (keys.length === 0) throw new UserError(`the API keys file ${path} lets nobody in; expected lines of NAME KEY, such as: ci-team sha256:…`);
  return keys;
}

/** Never says the key: the message may end in a log. */
function keyOf([name = "", key = "", ...more]: readonly string[], place: string): ApiKey {
  if (!/^[\w.@-]{1,64}$/.test(name)) throw new UserError(`${place}: the first word cannot be a name; expected up to 64 letters, digits and . _ @ -`);
  if (key === "" || more.length > 0) throw new UserError(`${place}: expected two words, NAME KEY, where KEY is a key or sha256:HEX of one`);
  const digest = /^sha256:([0-9a-f]{64})$/i.exec(key)?.[1];
  if (digest !== undefined) return { name, sha256: digest.toLowerCase() };
  if (key.startsWith("sha256:")) throw new UserError(`${place}: what follows sha256: is not 64 hexadecimal digits; make them with: printf %s KEY | sha256sum`);
  if (key.length < keyCharactersMin) throw new UserError(`${place}: the key has ${key.length} characters, at least ${keyCharactersMin} are needed; make one with: openssl rand -hex 32`);
  if (!/^[\x21-\x7e]+$/.test(key)) throw new UserError(`${place}: the key cannot be sent in a header; expected letters, digits and signs of ASCII`);
  return { name, sha256: hash("sha256", key) };
}
