/**
 * What the configuration was before a revision, from what each change since then remembers. Must not know what the changes
 * were.
 */
import type { StoredConfiguration } from "../stored-configuration.js";
import { type Refusal, refused } from "./change.js";
import type { Content } from "./differences.js";
import { sortedByName } from "./lookup.js";

/** `revision` 0 is the newest change. */
export function undone(current: StoredConfiguration, revision: number): Content | Refusal {
  const { history } = current;
  const oldest = history[0]?.revision;
  if (oldest === undefined) return refused("not-now", "there is nothing to undo: nothing was changed yet");
  const target = revision === 0 ? current.revision : revision;
  if (target > current.revision) return refused("invalid", `there is no revision ${target} yet; the newest is ${current.revision}, see \`lintel admin history\``);
  if (!Number.isSafeInteger(target) || target < oldest) return refused("invalid", `revision ${target} cannot be undone any more: the history begins with revision ${oldest}; use \`lintel admin weights\` and the like to get there`);
  const languages = new Map(current.languages.map((language) => [language.language, language]));
  let { drained } = current;
  for (const { revision: undoing, before } of [...history].reverse()) {
    if (undoing < target) break;
    for (const added of before.added) languages.delete(added);
    for (const language of before.languages) languages.set(language.language, language);
    ({ drained } = before);
  }
  return { languages: sortedByName([...languages.values()]), drained };
}
