/**
 * Keeps inputs that end workers from costing more than two. An input that was never answered is tried one at a
 * time; one on which a worker broke is suspect, and is tried where and when the desk of all shards says; two broken
 * workers make it poison, refused unseen for a while. Must not know HTTP or threads.
 */
import { createHash } from "node:crypto";
import { fingerprintOf, indexOf, novelEntries, type NovelInputs } from "../balancing/novel-inputs.js";
import type { PoisonMemory, Remembered, Verdict } from "../balancing/poison.js";
import { type Finding, noteFinding } from "../balancing/suspect-desk.js";
import type { ActiveWorker } from "./active-worker.js";
import type { Exchange } from "./exchange.js";

/** The shard's side of balancing/suspect-desk.ts. */
export interface DeskLink {
  readonly ask: (id: number, hash: string, workers: readonly string[]) => void;
  readonly done: (id: number) => void;
  /** Comes before the `done` of the trial that found it. */
  readonly tell: (finding: Finding) => void;
}

/**
 * How long a copy waits for another shard's, whose worker it cannot go to, to be answered: longer than most analyses. Not for
 * ever, because a fingerprint may take two inputs for one, and the other one may hang.
 */
export const hesitationMs = 200;

/**
 * How long a suspect rests before it is tried again. Workers often die together (a host, the memory killer), one after
 * the other: an input tried at the next one at once would look like the culprit of both.
 */
export const suspectPauseMs = 50;

/** What an exchange has to remember for the quarantine. */
export class Standing {
  /** 0 while it was not needed. */
  fingerprint = 0;
  /** Likewise "". */
  hash = "";
  /** Its input was never answered, and it is the one that is tried. */
  leads = false;
  /** It has the input's place among those in flight on all shards. */
  entered = false;
  /** Copies of its input that wait until it has settled; those that settled before are among them. */
  followers: Exchange[] | undefined;
  /** How long it may keep looking for the worker where another shard has it; 0 while it need not. */
  hesitatesUntilMs = 0;
  /** Its question at the desk, open or granted; 0 for none. */
  askId = 0;
}

export class Quarantine {
  /** Exchanges whose input was never answered, by the place of its fingerprint. */
  private readonly leaders = new Array<Exchange | undefined>(novelEntries).fill(undefined);
  /** Those that look again at the next tick. */
  private hesitating: Exchange[] = [];
  private readonly asking = new Map<number, Exchange>();
  private asks = 0;

  constructor(
    private readonly memory: PoisonMemory,
    private readonly novel: NovelInputs,
    private readonly desk: DeskLink,
  ) {}

  /** What the exchange may do now. With "wait" it hears `resume` later. The usual case, nothing remembered at all, costs no hash. */
  admit(exchange: Exchange, nowMs: number): Verdict | "wait" {
    const { memory, leaders } = this;
    const verdict = memory.isEmpty ? "unknown" : memory.verdict(hashOf(exchange), nowMs);
    const { standing } = exchange;
    if (verdict === "poison" || standing.leads) return verdict;
    if (standing.fingerprint === 0) standing.fingerprint = fingerprintOf(exchange.request.source, saltOf(exchange));
    if (verdict === "unknown" && this.novel.isAnswered(answeredBy(exchange))) return verdict;
    const index = indexOf(standing.fingerprint);
    const leader = leaders[index];
    if (leader === undefined) {
      leaders[index] = exchange;
      standing.leads = true;
    } else if (isSameInput(leader, exchange)) {
      (leader.standing.followers ??= []).push(exchange);
      return "wait";
    }
    return verdict;
  }

  /**
   * Before an exchange goes to `worker`: the worker to send it to instead, because another shard has the same input
   * there, or undefined when it is to look again in a moment: that worker is not among `usable` (it may be one of
   * another version), was tried, or has its fill.
   */
  place(exchange: Exchange, worker: ActiveWorker, usable: readonly ActiveWorker[], nowMs: number): ActiveWorker | undefined {
    const { standing } = exchange;
    if (!standing.leads) return worker;
    if (standing.entered) {
      this.moveTo(exchange, worker);
      return worker;
    }
    const at = this.novel.enter(standing.fingerprint, worker.slot);
    standing.entered = at === 0;
    if (at <= 0 || at === worker.slot) return worker;
    const other = usable.find((one) => one.slot === at && exchange.mayTake(one));
    if (other !== undefined) return other;
    if (standing.hesitatesUntilMs === 0) standing.hesitatesUntilMs = nowMs + hesitationMs;
    if (nowMs >= standing.hesitatesUntilMs) return worker;
    this.hesitating.push(exchange);
    return undefined;
  }

  /** An exchange goes to `worker` whatever others do. */
  moveTo({ standing }: Exchange, worker: ActiveWorker): void {
    if (!standing.leads) return;
    if (standing.entered) this.novel.move(standing.fingerprint, worker.slot);
    else standing.entered = this.novel.enter(standing.fingerprint, worker.slot) === 0;
  }

  /** Asks where a suspect may be tried; `exchange` hears `onGranted` or `onPoison`. */
  ask(exchange: Exchange, workers: readonly ActiveWorker[], nowMs: number): void {
    const hash = hashOf(exchange);
    const broken = this.memory.brokenWorker(hash, nowMs);
    const others = workers.filter(({ id }) => id !== broken);
    const id = ++this.asks;
    exchange.standing.askId = id;
    this.asking.set(id, exchange);
    this.desk.ask(id, hash, (others.length > 0 ? others : workers).map((worker) => worker.id));
  }

  /** The desk's answer; "" says that the input is poison. */
  answered(id: number, worker: string): void {
    const exchange = this.asking.get(id);
    if (exchange === undefined) return;
    if (worker === "") {
      this.endTrial(exchange);
      exchange.onPoison();
    } else exchange.onGranted(worker);
  }

  /** The suspect's attempt is over, or it goes without. */
  endTrial({ standing }: Exchange): void {
    const { askId } = standing;
    if (askId === 0) return;
    standing.askId = 0;
    this.asking.delete(askId);
    this.desk.done(askId);
  }

  /** A worker broke on it. Returns what it is now. */
  blame(exchange: Exchange, worker: ActiveWorker, nowMs: number): Verdict {
    return this.note(exchange, worker, true, nowMs);
  }

  /** A worker answered a suspect: what broke the other one was something else. */
  absolve(exchange: Exchange, worker: ActiveWorker, nowMs: number): void {
    this.note(exchange, worker, false, nowMs);
  }

  /** Whether a suspect is more than that by now. */
  isPoison(exchange: Exchange, nowMs: number): boolean {
    return !this.memory.isEmpty && this.memory.verdict(hashOf(exchange), nowMs) === "poison";
  }

  /** What was known before this shard started. */
  recall(remembered: readonly Remembered[], nowMs: number): void {
    this.memory.recall(remembered, nowMs);
  }

  /** What another shard found. */
  hear(finding: Finding, nowMs: number): void {
    noteFinding(this.memory, finding, nowMs);
  }

  /** The exchange has settled. */
  leave(exchange: Exchange, isAnswered: boolean): void {
    const { standing } = exchange;
    this.endTrial(exchange);
    if (!standing.leads) return;
    // What another version answered says nothing of its own.
    if (isAnswered && !exchange.spilled) this.novel.noteAnswered(answeredBy(exchange));
    if (standing.entered) this.novel.leave(standing.fingerprint);
    this.leaders[indexOf(standing.fingerprint)] = undefined;
    const { followers } = standing;
    if (followers === undefined) return;
    standing.followers = undefined;
    // The first that may not go freely leads the others. Unanswered, they wait for the tick: whoever fails at once must not be
    // answered within the handling of another client's socket.
    if (!isAnswered) this.hesitating.push(...followers);
    else for (const follower of followers) follower.resume();
  }

  /** Called every few milliseconds. */
  tick(): void {
    if (this.hesitating.length === 0) return;
    const ready = this.hesitating;
    this.hesitating = [];
    for (const exchange of ready) exchange.resume();
  }

  forgetExpired(nowMs: number): void {
    this.memory.forgetExpired(nowMs);
  }

  private note(exchange: Exchange, worker: ActiveWorker, broke: boolean, nowMs: number): Verdict {
    const { version } = worker.upstream.expected;
    const finding = { hash: hashOf(exchange), worker: worker.id, version, broke, alone: exchange.standing.askId !== 0 };
    this.desk.tell(finding);
    return noteFinding(this.memory, finding, nowMs);
  }
}

/**
 * Not of the version: an input that ends one may end the others, so it is in flight at one of them at a time. Cheap, because it
 * is compared in full before it counts: see `isSameInput`.
 */
function saltOf({ request: { language, filename, optionsJson } }: Exchange): number {
  return Math.imul(language.slot + 1, 0x9e3779b1) ^ Math.imul(filename.length + 7 * optionsJson.length, 0x27d4eb2f);
}

/** What is remembered of an answer: it is one version's. */
function answeredBy({ standing, version }: Exchange): number {
  return standing.fingerprint ^ Math.imul(version?.slot ?? 0, 0x85ebca6b) || 1;
}

function isSameInput({ request: one, standing }: Exchange, other: Exchange): boolean {
  const { request } = other;
  return (
    standing.fingerprint === other.standing.fingerprint &&
    one.language.slot === request.language.slot &&
    one.filename === request.filename &&
    one.optionsJson === request.optionsJson &&
    Buffer.compare(one.source, request.source) === 0
  );
}

/** The same bytes under another name or with other options are another input: they may take another path in a linter. */
function hashOf({ request, standing }: Exchange): string {
  if (standing.hash !== "") return standing.hash;
  const hash = createHash("sha256");
  hash.update(`${request.language.language}\0${request.filename}\0${request.optionsJson}\0`);
  return (standing.hash = hash.update(request.source).digest("base64"));
}
