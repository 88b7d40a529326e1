/**
 * What must hold whenever an attempt is made or ends, and when a user is answered. Judges by what is seen from
 * outside and by the newest snapshot. Must not change anything.
 */
import { ejectionDefaults } from "../../src/balancing/ejection.js";
import { Exchange } from "../../src/shard/exchange.js";
import { tickMs } from "../../src/shard/parts.js";
import { hesitationMs } from "../../src/shard/quarantine.js";
import { blamesInput, isFree, isRetryable, type AttemptFailure } from "../../src/upstream/failure.js";
import { BudgetRule } from "./budget-rule.js";
import { ExchangeRecord, isUsable } from "./exchange-record.js";
import { InputHistories } from "./input-history.js";
import { alone, effectOf, keyOf, reportOf, wrongReport } from "./input.js";
import type { DeskRule } from "./desk-rule.js";
import type { CallWatch, OpenCall, SimulatedConnection } from "./simulated-connection.js";
import { problemCodeOf, type RequestWatch, type SimulatedRequest } from "./simulated-request.js";
import type { SimulatedWorker } from "./simulated-worker.js";
import type { ShardWatch, SimulatedShard } from "./simulated-shard.js";
import { must, type Diary } from "./violation.js";

/** Not even free attempts go on for ever (exchange.ts, `triedMax`). */
const workersTriedMax = 8;
/** A hung worker is known by then: a silent third of a second, a probe's half, their ticks, an answer that was still on its way. */
const hungUnknownMsMax = 1_150;
const { ejectedAnyMax } = ejectionDefaults;
const roundingMs = 0.001;

export class AttemptRules implements CallWatch, RequestWatch, ShardWatch {
  /** Both by the request's id. */
  readonly requests = new Map<string, SimulatedRequest>();
  readonly records = new Map<string, ExchangeRecord>();
  /** By input: what is known of it from outside. */
  readonly inputs = new InputHistories();
  readonly budgets = new Map<SimulatedShard, BudgetRule>();
  /** How many shards there are. */
  shards = 0;
  private readonly unsettled = new Map<SimulatedShard, Set<ExchangeRecord>>();
  /** By shard and number of the question. */
  private readonly asking = new Map<string, ExchangeRecord>();
  /** By worker: when it last did not say who it is. */
  private readonly undescribedMs = new Map<string, number>();
  answered = 0;
  reports = 0;

  constructor(
    private readonly diary: Diary,
    private readonly nowMs: () => number,
    private readonly desk: () => DeskRule,
  ) {}

  onExchange(shard: SimulatedShard, exchange: Exchange): void {
    const { inFlightPerShardMax } = shard.surroundings.limits;
    must(shard.parts.context.table.size <= inFlightPerShardMax, "a shard never holds more exchanges than it may", () => `${shard.parts.context.table.size} of ${inFlightPerShardMax}`);
    const record = new ExchangeRecord(exchange, shard, this.inputs.find(exchange.request.language.language, exchange.request.source));
    this.records.set(exchange.request.traceparent, record);
    this.live(shard).add(record);
    this.budgetOf(shard).noteRequest(this.nowMs());
    record.history.noteMoved(shard, this.nowMs());
  }

  onSettled(shard: SimulatedShard, exchange: Exchange): void {
    const record = this.records.get(exchange.request.traceparent);
    must(record !== undefined && this.live(shard).delete(record), "every exchange settles once", () => exchange.request.traceparent);
    record.history.noteMoved(shard, this.nowMs());
  }

  /** What it had in flight is lost, and nobody hears how it ended. */
  onCrash(shard: SimulatedShard): void {
    for (const record of this.live(shard)) {
      for (const attempt of record.attempts) if (attempt.end === "open") attempt.end = "given-up";
      record.history.isForgiven = true;
    }
    this.unsettled.delete(shard);
    for (const request of this.requests.values()) if (request.shard === shard) request.lose();
  }

  /** The exchanges that have not settled. */
  live(shard: SimulatedShard): Set<ExchangeRecord> {
    let live = this.unsettled.get(shard);
    if (live === undefined) this.unsettled.set(shard, (live = new Set()));
    return live;
  }

  /** On all shards. */
  private *allLive(): Generator<ExchangeRecord> {
    for (const live of this.unsettled.values()) yield* live;
  }

  /** Others with the same input, on all shards. */
  copiesOf(record: ExchangeRecord): ExchangeRecord[] {
    const { history } = record;
    return [...this.allLive()].filter((other) => other !== record && other.history === history);
  }

  /** A shard asks the desk, or says that it needs no answer any more. */
  onAsk(shard: SimulatedShard, id: number): void {
    const record = [...this.live(shard)].find(({ exchange }) => exchange.standing.askId === id);
    must(record !== undefined, "a question to the desk is an exchange's", () => `${shard.index} ${id}`);
    this.diary.note(() => `${record.name}: asks the desk (${id})`);
    this.asking.set(`${shard.index} ${id}`, record);
  }

  onDone(shard: SimulatedShard, id: number): void {
    const record = this.asking.get(`${shard.index} ${id}`);
    must(record !== undefined, "a trial ends once", () => `${shard.index} ${id}`);
    this.asking.delete(`${shard.index} ${id}`);
    this.diary.note(() => `${record.name}: tells the desk that ${id} is over`);
    const worker = this.desk().find(shard.index, id)?.worker ?? "";
    const isGivenUp = record.exchange.tried.some(({ id }) => id === worker) && !record.attempts.some((attempt) => attempt.worker.id === worker);
    if (isGivenUp) {
      must(this.undescribedMs.get(worker) === this.nowMs(), "only a worker that does not say who it is is given up untried", () => `${record.name} at ${worker}`);
      record.unconfirmed.add(worker);
    }
    record.history.noteMoved(shard, this.nowMs());
  }

  /** A process ended by what it was given. */
  onDeath(source: Uint8Array, language: string, worker: string): void {
    const history = this.inputs.find(language, source);
    const deaths = ++history.deaths;
    must(deaths <= 2 || history.isForgiven, "no input costs more than two workers", () => `${keyOf(source)}: ${deaths}, the last at ${worker}`);
  }

  onSent(connection: SimulatedConnection, call: OpenCall): void {
    must(connection.phase === "open" && connection.calls.size <= (connection.worker?.traits.streamsMax ?? 0), "calls go to open connections with a place for them", () => `${connection.worker?.id ?? "?"} ${connection.phase}`);
    if (!(call.listener instanceof Exchange)) return;
    const record = this.recordOf(call);
    const { worker } = call.listener;
    must(worker !== undefined, "an attempt names its worker", () => record.name);
    this.diary.note(() => `${record.name}: attempt ${record.attempts.length + 1} at ${worker.id}, ${call.timeoutMs.toFixed(1)} ms`);
    must(record.open === undefined, "one attempt at a time", () => record.name);
    must(!record.attempts.some((attempt) => attempt.worker.id === worker.id), "no attempt at a worker already tried", () => `${record.name} at ${worker.id}`);
    this.checkSuspicion(record, worker.id);
    this.checkWorker(record, connection.worker);
    this.checkVersion(record);
    this.checkLimits(record, call);
    record.attempts.push({ worker, call, end: "open", endedMs: Infinity, failure: undefined });
  }

  onAnswered(call: OpenCall, failure: AttemptFailure | undefined): void {
    if (!(call.listener instanceof Exchange)) {
      this.diary.note(() => `probe at ${call.connection.worker?.id ?? "?"}: ${failure?.kind ?? "answered"}`);
      return;
    }
    const record = this.recordOf(call);
    const attempt = record.end(call, failure === undefined ? "answered" : "failed", failure?.kind, this.nowMs());
    this.diary.note(() => `${record.name}: ${attempt?.worker.id ?? "?"} ${failure === undefined ? "answers" : `${failure.kind} (${failure.message})`}`);
    // Whose clock rings first, the worker's or the shard's, makes no difference.
    const isTimeout = failure?.kind === "deadline" && this.nowMs() >= call.deadlineAtMs && this.nowMs() < record.exchange.deadlineAtMs;
    record.history.noteMoved(record.shard, this.nowMs());
    if (attempt === undefined) return;
    if (failure === undefined) record.history.reportedMs = this.nowMs();
    else if (isTimeout || blamesInput(failure.kind)) this.noteBroken(record, attempt.worker.id);
    // Given up in a hurry, on either side: what it does to its worker from now on, nobody hears.
    else if (failure.kind === "deadline") record.history.isForgiven = true;
  }

  onCancelled(call: OpenCall): void {
    if (!(call.listener instanceof Exchange)) return;
    const record = this.recordOf(call);
    const nowMs = this.nowMs();
    const isLeft = this.requests.get(call.call.traceparent)?.phase === "left";
    const isTimeout = !isLeft && nowMs < record.exchange.deadlineAtMs;
    this.diary.note(() => `${record.name}: cancelled${isTimeout ? ", timed out" : ""}`);
    const { history } = record;
    history.noteMoved(record.shard, nowMs);
    // What it does to its worker from now on, nobody hears.
    history.isForgiven = true;
    const attempt = record.end(call, isTimeout ? "timed-out" : "given-up", isTimeout ? "timeout" : undefined, nowMs);
    if (!isTimeout || attempt === undefined) return;
    must(nowMs - call.sentMs >= call.timeoutMs - roundingMs, "an attempt has its time before it is given up", () => `${record.name} after ${nowMs - call.sentMs} ms`);
    this.noteBroken(record, attempt.worker.id);
  }

  onUndescribed({ worker }: SimulatedConnection): void {
    if (worker !== undefined) this.undescribedMs.set(worker.id, this.nowMs());
  }

  onAnswer(request: SimulatedRequest, status: number, headers: ReadonlyMap<string, string>, body: string | Uint8Array): void {
    const nowMs = this.nowMs();
    const code = problemCodeOf(status, body);
    this.diary.note(() => `request ${request.plan.id}: ${status} ${code} after ${(nowMs - request.startedMs).toFixed(1)} ms`);
    this.answered++;
    const dueMs = request.completeMs + request.plan.deadlineMs;
    must(nowMs <= dueMs + tickMs + roundingMs, "no exchange outlives its deadline by more than a tick", () => `request ${request.plan.id} by ${nowMs - dueMs} ms`);
    const record = this.records.get(request.plan.id);
    if (record === undefined) {
      const isTooLarge = request.plan.input.source.length > request.bodyBytesMax;
      // Not while it is still being sent: its client would see a reset.
      must(code !== "overloaded" || request.completeMs === Infinity || nowMs === request.completeMs, "what a full shard refuses, it refuses at once", () => `request ${request.plan.id} after ${nowMs - request.completeMs} ms`);
      must(isTooLarge ? code !== "" : code === "overloaded" || code === "request-timeout", "without an exchange a request is shed, too large or late itself", () => `request ${request.plan.id}: ${code}`);
      return;
    }
    must(record.open === undefined, "what is settled waits for no attempt", () => record.name);
    must(headers.get("Lintel-Attempts") === String(record.attempts.length), "the reply tells its attempts", () => record.name);
    if (code === "") this.checkReport(request, record, headers, body);
    // A body that comes within a tick of its head counts as having come with it.
    else this.checkProblem(record, code, nowMs >= dueMs - tickMs);
  }

  onLost(): void {
    this.answered++;
  }

  onLeft(request: SimulatedRequest): void {
    const record = this.records.get(request.plan.id);
    must(record?.open === undefined, "when the client leaves, its attempt is cancelled upstream", () => record?.name ?? "");
    this.answered++;
  }

  /** At the end. */
  checkBudgets(): void {
    for (const budget of this.budgets.values()) budget.check();
  }

  private checkWorker(record: ExchangeRecord, process: SimulatedWorker | undefined): void {
    const { shard, exchange } = record;
    const worker = exchange.worker!;
    const at = (): string => `${record.name} at ${worker.id}, ${worker.upstream.state.kind}, ${worker.health.phase.kind}`;
    must([...shard.active.workers.values()].includes(worker), "attempts go to workers of the newest snapshot", at);
    must(worker.upstream.ready, "attempts go to connected workers", at);
    const version = shard.active.languages.get(worker.upstream.expected.language)!.versions.find(({ version }) => version === worker.upstream.expected.version)!;
    must(isUsable(worker, version), "no ejected worker gets traffic while another one serves", at);
    const { limits } = shard.surroundings;
    must(worker.inFlight <= limits.inFlightPerWorkerMax, "a worker has no more in flight than it may", at);
    const hungMs = process?.faults.has("hung") === true ? this.nowMs() - process.hungSinceMs : 0;
    // Of a larger set only so many may be ejected at once.
    const canTell = worker.upstream.description?.selfTest !== undefined && worker.health.phase.kind === "serving" && (version.workers.length <= ejectedAnyMax || version.ejected === 0);
    must(hungMs < hungUnknownMsMax || !canTell, "a hung worker is found within a second", () => `${at()}, for ${hungMs} ms`);
  }

  private checkVersion(record: ExchangeRecord): void {
    const { exchange, language, ownVersion } = record;
    const { version } = exchange.worker!.upstream.expected;
    const weight = language?.versions.find((one) => one.version === version)?.weight;
    must(weight !== 0 || exchange.request.version !== undefined, "weight 0 gets nothing", () => `${record.name} at ${version}`);
    if (version === ownVersion?.version) return;
    must(exchange.request.version === undefined && language?.spill === true, "only what may spill goes to another version", () => `${record.name} at ${version}`);
    must(exchange.spilled, "what spills says so", () => `${record.name} at ${version}`);
    must(ownVersion === undefined || record.untried(ownVersion).length === 0, "a version with a usable worker keeps its share", () => `${record.name} at ${version}`);
  }

  private checkLimits(record: ExchangeRecord, call: OpenCall): void {
    const { shard, exchange, lastFailure, attempts } = record;
    const { limits } = shard.surroundings;
    must(attempts.length < workersTriedMax, "free attempts are bounded", () => record.name);
    must(record.costlyAttempts < limits.attemptsMax, "no more attempts than allowed", () => record.name);
    const leftMs = exchange.deadlineAtMs - this.nowMs();
    // A body that comes within a tick of its head counts as having come with it.
    must(call.timeoutMs <= Math.max(1, Math.min(limits.attemptTimeoutMs, leftMs)) + tickMs + roundingMs, "an attempt ends with its deadline", () => `${record.name}: ${call.timeoutMs} ms of ${leftMs}`);
    if (lastFailure !== undefined && !isFree(lastFailure)) this.budgetOf(shard).noteRetry(attempts.at(-1)!.endedMs);
  }

  private checkReport(request: SimulatedRequest, record: ExchangeRecord, headers: ReadonlyMap<string, string>, body: string | Uint8Array): void {
    const last = record.attempts.at(-1);
    must(last?.end === "answered", "a report comes from an answer", () => record.name);
    must(headers.get("Lintel-Worker") === last.worker.id, "the reply names the worker that answered", () => record.name);
    must((headers.get("Lintel-Spilled") === "1") === (last.worker.upstream.expected.version !== record.exchange.version?.version), "the reply says whether it was spilled", () => record.name);
    const bytes = Buffer.from(body as Uint8Array);
    const isRight = bytes.equals(reportOf(request.plan.input.source)) || bytes.equals(wrongReport);
    must(isRight, "a report is the one of its source", () => `${record.name}: ${bytes.toString("latin1", 0, 60)}`);
    this.reports++;
  }

  private checkProblem(record: ExchangeRecord, code: string, isLate: boolean): void {
    const { lastFailure } = record;
    const detail = (): string => `${record.name}: ${code} after ${lastFailure ?? "nothing"}`;
    if (code === "poison-input") {
      const { history } = record;
      must(history.breaks >= 2, "an input is poison when workers broke on it twice", () => `${detail()}, ${history.breaks} times`);
      history.poisonOn.add(record.shard);
      return;
    }
    if (isLate) return;
    if (lastFailure === "rejected") must(code === "rejected", "a rejection is told", detail);
    must(this.mayGiveUp(record), "an exchange goes on while it may", () => `${detail()}; it could go to ${record.candidates().map(({ id }) => id).join(", ")}`);
  }

  /** Nothing left to try, or nothing left to try it with. */
  private mayGiveUp(record: ExchangeRecord): boolean {
    const { lastFailure, attempts, unconfirmed, shard } = record;
    const { limits } = shard.surroundings;
    if (lastFailure !== undefined && !isRetryable(lastFailure)) return true;
    if (attempts.length + unconfirmed.size >= workersTriedMax) return true;
    if (lastFailure !== undefined && !isFree(lastFailure)) {
      if (record.costlyAttempts >= limits.attemptsMax || shard.parts.context.budget.available(this.nowMs()) < 1) return true;
    }
    return !record.candidates().some((worker) => worker.inFlight < limits.inFlightPerWorkerMax && worker.upstream.availableCalls() > 0);
  }

  /** What workers broke on is tried again only with the desk's leave, and never once a user was told that it is poison. */
  private checkSuspicion(record: ExchangeRecord, worker: string): void {
    const { history } = record;
    must(!history.poisonOn.has(record.shard), "what is known as poison is not tried", () => record.name);
    const nowMs = this.nowMs();
    // Copies wait for each other only so long.
    for (const { open } of this.copiesOf(record)) if (open !== undefined && open.worker.id !== worker && nowMs - open.call.sentMs >= hesitationMs) history.isForgiven = true;
    const { askId } = record.exchange.standing;
    const last = record.attempts.at(-1);
    if (askId !== 0) {
      const granted = this.desk().find(record.shard.index, askId)?.worker;
      must(granted === worker, "a suspect goes where the desk says", () => `${record.name} at ${worker}, granted ${granted ?? "nothing"}`);
    } else if (last?.failure !== undefined && blamesInput(last.failure)) {
      must(history.reportedMs >= last.endedMs, "a suspect asks before it is tried", () => record.name);
    }
  }

  private noteBroken(record: ExchangeRecord, worker: string): void {
    const { history } = record;
    history.breaks++;
    history.brokenWorkers.add(worker);
    const { source } = record.exchange.request;
    // For a healthy input any number of workers may be lost meanwhile.
    const isCause = effectOf(source) !== "none" && effectOf(source) !== "rejected";
    must(history.brokenWorkers.size <= 2 || !isCause || !keyOf(source).startsWith(alone), "no input costs more than two workers, asked one after the other", () => `${record.name}: ${[...history.brokenWorkers].join(", ")}`);
  }

  private recordOf(call: OpenCall): ExchangeRecord {
    const record = this.records.get(call.call.traceparent);
    must(record !== undefined, "an attempt belongs to a request", () => call.call.traceparent);
    return record;
  }

  private budgetOf(shard: SimulatedShard): BudgetRule {
    let rule = this.budgets.get(shard);
    if (rule === undefined) this.budgets.set(shard, (rule = new BudgetRule()));
    return rule;
  }
}
