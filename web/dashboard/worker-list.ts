/**
 * Which workers are listed, in which order: those the balancer knows, and those only the manager does (drained, starting). Pure.
 * Must not know how they are shown.
 */
import type { FleetPicture, WorkerPicture } from "../../src/balancer/dashboard/picture.js";

export interface ListedWorker {
  readonly worker: WorkerPicture;
  /** "none" while it has no part in the traffic by somebody's will. */
  readonly level: "well" | "attention" | "failing" | "none";
  readonly drained: boolean;
}

export type WorkerOrder = "name" | "load" | "answer" | "failures";

export interface WorkerFilter {
  readonly find: string;
  readonly order: WorkerOrder;
  readonly notReadyOnly: boolean;
}

export function listedWorkers(workers: Iterable<WorkerPicture>, fleet: FleetPicture | undefined, { find, order, notReadyOnly }: WorkerFilter): ListedWorker[] {
  const managed = new Map(fleet?.workers.map((one) => [one.id, one]));
  const all: ListedWorker[] = [];
  for (const worker of workers) {
    const drained = managed.get(worker.id)?.state === "drained";
    managed.delete(worker.id);
    all.push({ worker: drained ? { ...worker, state: "drained" } : worker, drained, level: drained ? "none" : levelOf(worker.state) });
  }
  for (const { id, language, version, address, state, reason, sinceUnixMs } of managed.values()) {
    const worker = { id, language, version, address, state, reason, sinceUnixMs, inFlight: 0, queued: 0, perSecond: 0, answerMs: -1, failures: 0, linter: "" };
    all.push({ worker, drained: state === "drained", level: state === "pausing" ? "failing" : "none" });
  }
  const wanted = find.trim().toLowerCase();
  const listed = all.filter(({ worker, level }) => (!notReadyOnly || level !== "well") && (wanted === "" || textOf(worker).includes(wanted)));
  return listed.sort(comparers[order]);
}

function levelOf(state: string): ListedWorker["level"] {
  if (state === "ready") return "well";
  return state === "probing" || state === "connecting" || state === "leaving" ? "attention" : "failing";
}

function textOf({ id, language, version, state, address }: WorkerPicture): string {
  return `${id} ${language} ${version} ${state} ${address}`.toLowerCase();
}

type Comparer = (one: ListedWorker, other: ListedWorker) => number;

const collator = new Intl.Collator("en", { numeric: true });
const byName: Comparer = ({ worker: one }, { worker: other }) =>
  collator.compare(one.language, other.language) || collator.compare(one.version, other.version) || collator.compare(one.id, other.id);
const comparers: Readonly<Record<WorkerOrder, Comparer>> = {
  name: byName,
  load: (one, other) => other.worker.inFlight + other.worker.queued - one.worker.inFlight - one.worker.queued || byName(one, other),
  answer: (one, other) => other.worker.answerMs - one.worker.answerMs || byName(one, other),
  failures: (one, other) => other.worker.failures - one.worker.failures || byName(one, other),
};
