/** What became of a change, as text for people. Must not know where it is printed. */
import picocolors from "picocolors";
import { oneLine, visible } from "../formats/printable.js";
import type { BarrierDocument, ChangeDocument } from "./admin-documents.js";

/** The differences, one a line, then what holds now. */
export function renderChange({ revision, changed, dryRun, differences, barrier }: ChangeDocument, color: boolean): string {
  if (!changed && differences.length === 0) return `nothing to change; revision ${revision} stays the newest\n`;
  const lines = differences.map((difference) => renderDifference(difference, color)).join("");
  if (dryRun) return `${lines}nothing was changed (--dry-run); revision ${revision} is the newest\n`;
  if (barrier === undefined) return `${lines}revision ${revision} is stored; --wait returns when it is active everywhere\n`;
  return `${lines}revision ${revision} is stored${barrier.open ? " and active on every shard of every connected balancer" : ""}\n`;
}

/** "+" for what came, "-" for what went, "~" for what is otherwise now: as a diff reads. */
function renderDifference(difference: string, color: boolean): string {
  const colors = picocolors.createColors(color);
  const line = oneLine(difference);
  if (/: (worker .* )?added\b|: run by /.test(line)) return colors.green(`+ ${line}`) + "\n";
  if (/: (worker .* )?removed\b|: no longer run here/.test(line)) return colors.red(`- ${line}`) + "\n";
  return colors.yellow(`~ ${line}`) + "\n";
}

/** Who keeps a barrier closed, with its shards and why; for standard error. */
export function renderLaggards({ revision, laggards }: BarrierDocument, timeout: string): string {
  const names = Object.entries(laggards).map(([name, { shards, reason }]) => {
    const lagging = shards.flatMap((shard, index) => (shard < revision ? [`shard ${index} has ${shard}`] : []));
    return `  ${visible(name)}: ${[...lagging, oneLine(reason)].filter((part) => part !== "").join(", ")}\n`;
  });
  return `lintel: revision ${revision} is stored, but after ${timeout} not active everywhere:\n${names.join("")}`;
}
