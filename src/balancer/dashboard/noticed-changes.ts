/**
 * The last changes of the configuration as this balancer got them, in words: who made them, and why, only a manager knows. Must
 * not know where snapshots come from.
 */
import { diffSnapshots, renderChange, type SnapshotChange } from "../../snapshot/diff.js";
import type { Snapshot } from "../../snapshot/snapshot.js";
import type { NoticedChange } from "./picture.js";

/** A screen full. */
const changesMax = 20;
/** Of one change; a fleet that moves has thousands. */
const differencesMax = 12;

export class NoticedChanges {
  /** The newest first. */
  list: readonly NoticedChange[] = [];
  private last: Snapshot | undefined;

  note(snapshot: Snapshot, atUnixMs: number): void {
    const before = this.last;
    if (snapshot.nonce === 0 || before?.revision === snapshot.revision) return;
    this.last = snapshot;
    if (before === undefined) return;
    const differences = inWords(diffSnapshots(before, snapshot));
    if (differences.length === 0) return;
    this.list = [{ revision: snapshot.revision, atUnixMs, differences }, ...this.list].slice(0, changesMax);
  }
}

function inWords(changes: readonly SnapshotChange[]): string[] {
  const lines: string[] = [];
  const workers = new Map<string, { added: number; removed: number }>();
  for (const change of changes) {
    if (change.kind === "worker-added" || change.kind === "worker-removed") {
      const name = `${change.language} ${change.version}`;
      const counts = workers.get(name) ?? { added: 0, removed: 0 };
      counts[change.kind === "worker-added" ? "added" : "removed"] += 1;
      workers.set(name, counts);
    } else {
      const line = inOneLine(change);
      if (line !== "") lines.push(line);
    }
  }
  for (const [name, { added, removed }] of workers) {
    if (added > 0) lines.push(`${name}: ${added} worker${added === 1 ? "" : "s"} joined`);
    if (removed > 0) lines.push(`${name}: ${removed} worker${removed === 1 ? "" : "s"} left`);
  }
  return lines.length <= differencesMax ? lines : [...lines.slice(0, differencesMax), `and ${lines.length - differencesMax} more`];
}

/** As everywhere, but for what somebody who looks at a page would have to know the configuration's words for. */
function inOneLine(change: Exclude<SnapshotChange, { kind: "worker-added" | "worker-removed" }>): string {
  if (change.kind === "worker-moved") return "";
  if (change.kind === "extensions-changed") return `${change.language}: file name endings ${change.after.join(" ")}`;
  if (change.kind === "spill-changed") return `${change.language}: other versions ${change.after ? "serve" : "no longer serve"} a share whose workers are away`;
  return renderChange(change);
}
