/**
 * What a balancer holds of a manager's snapshots, and what each message of the stream makes of it. Pure. The rules that keep
 * two ends of a link of one mind are here; must not know streams or shards.
 */
import { applyChanges, MisfitError } from "../snapshot/changes.js";
import { checksumOf } from "../snapshot/checksum.js";
import type { ManagerMessage } from "../snapshot/link-messages.js";
import type { LanguageSnapshot } from "../snapshot/snapshot.js";
import { faultOf } from "../snapshot/soundness.js";
import { keepUnchanged } from "../snapshot/unchanged-parts.js";

export interface HeldSnapshot {
  readonly revision: number;
  readonly languages: readonly LanguageSnapshot[];
  readonly checksum: Buffer;
}

/** What a balancer that has nothing says it holds. */
export const nothingHeld: HeldSnapshot = { revision: 0, languages: [], checksum: Buffer.alloc(0) };

export type ReadOutcome =
  | { readonly kind: "accepted"; readonly held: HeldSnapshot }
  /** What was held stays. `wantWhole` when the whole snapshot would mend it. */
  | { readonly kind: "refused"; readonly reason: string; readonly wantWhole: boolean };

export function readMessage(held: HeldSnapshot, message: ManagerMessage): ReadOutcome {
  const { revision, checksum } = message;
  if (revision < held.revision) {
    return refusal(`revision ${revision} is older than ${held.revision}, which this balancer has; if the manager's store was replaced on purpose, remove the balancer's state and restart it`);
  }
  const content = contentOf(held, message);
  if ("kind" in content) return content;
  const { languages } = content;
  if (!checksumOf(languages).equals(checksum)) return disagreement("the checksum is another one than the content's", message);
  const fault = faultOf(languages);
  if (fault !== "") return refusal(fault);
  return { kind: "accepted", held: { revision, languages, checksum } };
}

function contentOf(held: HeldSnapshot, message: ManagerMessage): { readonly languages: readonly LanguageSnapshot[] } | ReadOutcome {
  const { snapshot, changes } = message;
  if (snapshot !== undefined && snapshot !== null) return { languages: keepUnchanged(held.languages, snapshot.languages) };
  if (changes === undefined || changes === null) return refusal("the message has neither a snapshot nor changes: the manager speaks a protocol that this balancer does not know");
  if (changes.baseRevision !== held.revision || !changes.baseChecksum.equals(held.checksum)) {
    return disagreement(`the changes are for revision ${changes.baseRevision}, not for what this balancer holds`, message);
  }
  try {
    return { languages: keepUnchanged(held.languages, applyChanges(held.languages, changes.changes)) };
  } catch (error) {
    if (error instanceof MisfitError) return disagreement(error.message, message);
    throw error;
  }
}

/** The whole would mend what went wrong with a difference, and nothing mends a whole. */
function disagreement(reason: string, { snapshot }: ManagerMessage): ReadOutcome {
  return { kind: "refused", reason, wantWhole: snapshot === undefined || snapshot === null };
}

function refusal(reason: string): ReadOutcome {
  return { kind: "refused", reason, wantWhole: false };
}
