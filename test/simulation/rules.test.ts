/**
 * The rules can be broken: each part of the code is made wrong in one way, and the worlds must find it. A rule that no
 * mistake breaks holds nothing.
 */
import t from "tap";
import { randomBelow, seededRandom } from "../../src/base/random.js";
import { PoisonMemory } from "../../src/balancing/poison.js";
import { RetryBudget } from "../../src/balancing/retry-budget.js";
import { SuspectDesk } from "../../src/balancing/suspect-desk.js";
import { VersionCounter } from "../../src/balancing/version-counter.js";
import { WorkerSet } from "../../src/balancing/worker-choice.js";
import { Suspects } from "../../src/balancer/suspects.js";
import { ActiveVersion } from "../../src/shard/active.js";
import { ActiveWorker } from "../../src/shard/active-worker.js";
import { Exchange } from "../../src/shard/exchange.js";
import { Incoming } from "../../src/shard/incoming.js";
import { HealthKeeper } from "../../src/shard/health-keeper.js";
import { Quarantine } from "../../src/shard/quarantine.js";
import { Upstream } from "../../src/upstream/upstream.js";
import { runSeeds } from "./run-seeds.js";

/** Most are found within the first ten. */
const seedsMax = 300;

type Method = (this: never, ...values: never[]) => unknown;
type Class = abstract new (...values: never[]) => object;

interface Mistake {
  readonly what: string;
  readonly owner: Class;
  /** Private ones too: this is about their bodies. */
  readonly method: string;
  /** The rule that finds it: the beginning of what is told. */
  readonly finds: RegExp;
  /** A seed near which it shows, where it shows seldom. */
  readonly from?: number;
  readonly wrong: (right: (self: object, values: unknown[]) => unknown) => (self: object, values: unknown[]) => unknown;
}

const nothing = () => (): unknown => undefined;
const always = (value: unknown) => () => (): unknown => value;
const random = seededRandom(1);

const mistakes: readonly Mistake[] = [
  { what: "an exchange forgets which workers it tried", owner: Exchange, method: "send", finds: /^no attempt at a worker already tried/, wrong: (right) => (self, values) => {
    right(self, values);
    (self as Exchange).tried = [];
  } },
  { what: "a full worker is taken for one with room", owner: WorkerSet, method: "choose", finds: /^(a worker has no more in flight than it may|calls go to open connections)/, wrong: (right) => (self, [, ...values]) => right(self, [[], ...values]) },
  { what: "an attempt that ended still counts at its worker", owner: ActiveWorker, method: "settled", finds: /^in flight is what is in flight/, wrong: nothing },
  { what: "the budget always has something left", owner: RetryBudget, method: "tryWithdraw", finds: /^the retry budget is kept/, wrong: always(true), from: 185 },
  { what: "attempts are not counted", owner: Exchange, method: "mayRetry", finds: /^(no more attempts than allowed|a rejection is told|free attempts are bounded|the retry budget is kept)/, wrong: always(true) },
  { what: "a version is picked by chance", owner: VersionCounter, method: "pick", finds: /^the shares hold after any number of picks|^weight 0 gets nothing/, wrong: (right) => (self, values) => Math.min(right(self, values) as number, randomBelow(random, 2)) },
  { what: "ejected workers stay among the usable", owner: ActiveVersion, method: "refresh", finds: /^(the list of usable workers is true|no ejected worker gets traffic)/, wrong: (right) => (self, values) => {
    right(self, values);
    const version = self as ActiveVersion;
    version.choice.usable = version.workers.filter((worker) => worker.upstream.ready);
  } },
  { what: "nobody looks at a worker again after it failed", owner: HealthKeeper, method: "follow", finds: /^the list of usable workers is true/, wrong: nothing },
  { what: "a hung worker is not asked anything", owner: HealthKeeper, method: "probeIfDue", finds: /^a hung worker is found within a second/, wrong: (right) => (self, values) => ((values[0] as ActiveWorker).health.phase.kind === "serving" ? undefined : right(self, values)), from: 145 },
  { what: "a full shard keeps its refusals for later", owner: Incoming, method: "shed", finds: /^what a full shard refuses, it refuses at once/, wrong: (right) => (self, values) => {
    right(self, values);
    const incoming = self as unknown as { discard: (isLast: boolean) => void; phase: string; context: { clock: { after: (ms: number, what: () => void) => void } } };
    const { discard } = incoming;
    incoming.discard = (isLast) => incoming.context.clock.after(7, () => incoming.phase === "reading" && Reflect.apply(discard, incoming, [isLast]));
  } },
  { what: "when the client leaves its attempt goes on", owner: Exchange, method: "cancelAttempt", finds: /^(when the client leaves, its attempt is cancelled upstream|an exchange settles once|what is settled waits for no attempt)/, wrong: nothing },
  { what: "deadlines are not watched", owner: Exchange, method: "onTick", finds: /^(no exchange outlives its deadline|every exchange settles)/, wrong: nothing },
  { what: "an exchange keeps to the snapshot it began with", owner: Exchange, method: "followActive", finds: /^(attempts go to|weight 0|an exchange goes on|no ejected worker|a version with|the reply says|only what may spill|calls go to)/, wrong: nothing },
  { what: "a worker that left the snapshot is forgotten", owner: Upstream, method: "drain", finds: /^a worker that left the snapshot is let go/, wrong: nothing },
  { what: "the desk grants what was asked for first", owner: SuspectDesk, method: "serve", finds: /^no (two suspects are at one worker|suspect is tried at two workers at once)/, wrong: () => (self) => {
    const desk = self as unknown as { trials: { ask: { workers: string[] }; worker: string }[]; answer: (ask: object, worker: string) => void };
    for (const trial of desk.trials) {
      if (trial.worker !== "") continue;
      trial.worker = trial.ask.workers[0]!;
      desk.answer(trial.ask, trial.worker);
    }
  } },
  { what: "the desk forgets to answer", owner: SuspectDesk, method: "serve", finds: /^no suspect waits for a worker without one/, wrong: nothing },
  { what: "nothing is remembered as poison", owner: PoisonMemory, method: "verdict", finds: /^(no input costs more than two workers|what is known as poison is not tried|a suspect asks before)/, wrong: always("unknown") },
  { what: "every breakdown makes an input poison", owner: PoisonMemory, method: "blame", finds: /^an input is poison when workers broke on it twice/, wrong: always("poison") },
  { what: "findings stay on their shard", owner: Suspects, method: "onFinding", finds: /^(no input costs more than two workers|what is known as poison is not tried)/, wrong: nothing },
  { what: "copies of an unknown input are all tried at once", owner: Quarantine, method: "admit", finds: /^(no input costs more than two workers|a suspect asks before it is tried)/, wrong: (right) => (self, values) => {
    const verdict = right(self, values);
    if (verdict !== "wait") return verdict;
    const { leaders } = self as unknown as { leaders: (Exchange | undefined)[] };
    for (const leader of leaders) {
      const { followers } = leader?.standing ?? {};
      if (followers?.at(-1) === values[0]) followers?.pop();
    }
    return "unknown";
  } },
  { what: "who waits for a copy is forgotten", owner: Quarantine, method: "tick", finds: /^nothing waits for a worker that is there/, wrong: nothing },
  { what: "a trial never ends", owner: Quarantine, method: "endTrial", finds: /^(no trial is open|nothing waits|every exchange settles|a trial|a suspect goes|no attempt)/, wrong: nothing },
];

for (const { what, owner, method, finds, wrong, from = 1 } of mistakes) {
  void t.test(`found: ${what}`, async (t) => {
    const prototype = owner.prototype as Record<string, Method>;
    const right = prototype[method]!;
    const broken = wrong((self, values) => Reflect.apply(right, self, values));
    prototype[method] = function (this: object, ...values: unknown[]): unknown {
      return broken(this, values);
    };
    try {
      const { failure } = await runSeeds(from, from + seedsMax);
      const told = failure.replace(/^seed \d+: /, "");
      t.match(told, finds);
      t.comment(failure);
    } finally {
      prototype[method] = right;
    }
  });
}

