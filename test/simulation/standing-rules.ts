/** What must hold at any moment, and what must be left when all is quiet. Must not change anything. */
import { Exchange } from "../../src/shard/exchange.js";
import { shardCells, outcomeStatuses, workerCells } from "../../src/shard/statistics.js";
import type { ActiveWorker } from "../../src/shard/active-worker.js";
import { tickMs } from "../../src/shard/parts.js";
import { hesitationMs } from "../../src/shard/quarantine.js";
import type { AttemptRules } from "./attempt-rules.js";
import type { DeskRule } from "./desk-rule.js";
import { type ExchangeRecord, isUsable } from "./exchange-record.js";
import { messageMsMax } from "./simulated-main.js";
import type { SimulatedShard } from "./simulated-shard.js";
import { must } from "./violation.js";

/** A suspect rests (exchange.ts, `suspectPauseMs`), and looks again with a tick; messages to the main thread and back. */
const pauseMsMax = 50 + 2 * tickMs + 2 * messageMsMax;
/** How long a granted worker may take to say that it is there (exchange.ts, `confirmTimeoutMs`). */
const confirmingMsMax = 500 + 2 * messageMsMax;

/** At any moment between two events. */
export function checkStanding(shard: SimulatedShard, rules: AttemptRules, desk: DeskRule, nowMs: number): void {
  const held = shard.statistics.get(shardCells.bodyBytesHeld);
  must(held >= 0 && held <= shard.surroundings.limits.bodyBytesHeldPerShardMax, "a shard holds no more bytes than it may", () => `${held}`);
  for (const language of shard.active.languages.values()) {
    for (const version of language.versions) {
      const usable = version.workers.filter((worker) => isUsable(worker, version));
      const names = (): string => `${version.version}: [${version.usable.map(({ id }) => id).join()}] instead of [${usable.map(({ id }) => id).join()}]`;
      must(usable.length === version.usable.length && usable.every((worker) => version.usable.includes(worker)), "the list of usable workers is true", names);
    }
  }
  if (shard.parts.context.table.size > 0) checkExchanges(shard, rules, desk, nowMs);
}

function checkExchanges(shard: SimulatedShard, rules: AttemptRules, desk: DeskRule, nowMs: number): void {
  const { inFlightPerWorkerMax } = shard.surroundings.limits;
  const open = new Map<ActiveWorker, number>();
  for (const record of rules.live(shard)) {
    const worker = record.open?.worker;
    if (worker !== undefined) {
      open.set(worker, (open.get(worker) ?? 0) + 1);
      continue;
    }
    const free = record.candidates().filter(({ inFlight, upstream }) => inFlight < inFlightPerWorkerMax && upstream.availableCalls() > 0);
    must(free.length === 0 || mayWait(record, rules, desk, nowMs), "nothing waits for a worker that is there", () => `${record.name}, for ${free.map(({ id }) => id).join()}`);
  }
  for (const worker of shard.workers) {
    const count = open.get(worker) ?? 0;
    must(worker.inFlight === count, "in flight is what is in flight", () => `${worker.inFlight} at ${worker.id}, ${count} really`);
  }
}

/** With a worker at hand an exchange waits for the desk's answer, for a granted worker to confirm, for another one with the same input, on any shard, or a moment. */
function mayWait(record: ExchangeRecord, rules: AttemptRules, desk: DeskRule, nowMs: number): boolean {
  const { shard, exchange } = record;
  const trial = desk.find(shard.index, exchange.standing.askId);
  // While it waits for its turn, the desk's own rule watches.
  if (trial !== undefined) return (trial.worker === "" && !trial.isRefused) || nowMs - trial.sinceMs <= confirmingMsMax;
  const { history } = record;
  const isBusy = (other: ExchangeRecord): boolean => other.open !== undefined || desk.find(other.shard.index, other.exchange.standing.askId) !== undefined;
  if (rules.copiesOf(record).some(isBusy)) return true;
  return nowMs - history.movedMs(shard) <= pauseMsMax + (rules.shards > 1 ? hesitationMs : 0);
}

/** When every client has been answered or has left. */
export function checkQuiet(shard: SimulatedShard, rules: AttemptRules): void {
  const { context } = shard.parts;
  const { statistics } = shard;
  must(context.table.size === 0 && context.uploads.size === 0, "nothing is in flight when the world is quiet", () => `${context.table.size} exchanges, ${context.uploads.size} uploads`);
  must(statistics.get(shardCells.bodyBytesHeld) === 0, "no bytes are held when the world is quiet", () => String(statistics.get(shardCells.bodyBytesHeld)));
  for (const worker of shard.workers) {
    must(worker.inFlight === 0, "no worker has anything when the world is quiet", () => `${worker.id}: ${worker.inFlight}`);
    must(statistics.get(statistics.workerCell(worker.slot, workerCells.inFlight)) === 0, "the gauges return to zero", () => worker.id);
  }
  must(shard.parts.context.table.size === rules.live(shard).size, "the table has what has not settled", () => String(shard.parts.context.table.size));
  // Its memory outlives a thread.
  const records = [...rules.records.values()].filter((record) => record.shard.index === shard.index);
  const attempts = records.reduce((sum, record) => sum + record.attempts.length, 0);
  must(statistics.get(shardCells.attempts) === attempts, "the counters count what happened", () => `${statistics.get(shardCells.attempts)} attempts, ${attempts} really`);
}

/** Every request has exactly one outcome, in the metrics too. */
export function checkOutcomes(shards: readonly SimulatedShard[], rules: AttemptRules): void {
  for (const request of rules.requests.values()) must(request.isOver, "every exchange settles", () => `request ${request.plan.id}`);
  let outcomes = 0;
  for (const { statistics } of shards) {
    for (let slot = 0; slot < statistics.sizes.versionsMax; slot++) {
      for (let cell = 0; cell < outcomeStatuses.length; cell++) outcomes += statistics.get(statistics.versionCell(slot, cell));
    }
  }
  const whole = [...rules.requests.values()].filter(({ phase }) => phase !== "lost").length;
  must(outcomes === whole, "every request has one outcome", () => `${outcomes} for ${whole} requests`);
}

/** When the workers, too, have had time: nothing is open, and nobody is connected who is not in the snapshot. */
export function checkConnections({ connections, active }: SimulatedShard): void {
  for (const { calls, worker } of connections) {
    const users = [...calls.values()].filter(({ listener }) => listener instanceof Exchange);
    must(users.length === 0, "no attempt is open when the world is quiet", () => `${users.length} at ${worker?.id ?? "nobody"}`);
  }
  const open = connections.filter(({ phase }) => phase !== "closed").length;
  const workers = [...active.workers.values()].length;
  must(open === workers, "a worker that left the snapshot is let go", () => `${open} connections for ${workers} workers`);
}
