/** The names there are right now, for completion: asked of the manager, briefly. No answer is no names. */
import { Command } from "commander";
import type { AdminService } from "../client/admin-service.js";
import { adminServiceFor, type ConnectionFlags, withConnectionFlags } from "./admin-connection.js";
import type { Candidate } from "./completion-candidates.js";

export type LiveNameKind = "languages" | "versions" | "workers" | "revisions";

/** Whoever presses Tab waits for it: a manager that is there answers in a few milliseconds. */
const timeoutMs = 700;
const revisionsMax = 20;

/** `words` is the command line so far: it may say where the manager is. */
export async function liveNames(kind: LiveNameKind, language: string, words: readonly string[]): Promise<readonly Candidate[]> {
  let service: AdminService | undefined;
  try {
    service = await adminServiceFor(connectionIn(words), timeoutMs);
    return await namesOf(service, kind, language);
  } catch {
    return [];
  } finally {
    service?.close();
  }
}

async function namesOf(service: AdminService, kind: LiveNameKind, language: string): Promise<readonly Candidate[]> {
  if (kind === "revisions") {
    const { entries } = await service.history(revisionsMax);
    return entries.map(({ revision, what, who }) => ({ word: String(revision), meaning: `${what} (${who})` }));
  }
  const { languages, workers } = await service.status();
  switch (kind) {
    case "languages":
      return languages.map((one) => ({ word: one.language, meaning: one.versions.map(({ version, weight }) => `${version}=${weight}`).join(" ") }));
    case "versions":
      return languages.filter((one) => one.language === language).flatMap((one) => one.versions.map(({ version, weight, source }) => ({ word: version, meaning: `weight ${weight}, ${source}` })));
    case "workers":
      return workers.map(({ id, state, address }) => ({ word: id, meaning: [state, address].filter((part) => part !== "").join(" ") }));
  }
}

/** The connection's flags as far as they can be read from an unfinished line; anything else in it is passed over. */
function connectionIn(words: readonly string[]): ConnectionFlags {
  const command = withConnectionFlags(new Command())
    .exitOverride()
    .allowUnknownOption()
    .allowExcessArguments()
    .configureOutput({ writeErr: () => undefined });
  command.parse([...words], { from: "user" });
  return command.opts<ConnectionFlags & Record<string, unknown>>();
}
