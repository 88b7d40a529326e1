/**
 * One simulated world from its seed: shards, workers, users, an operator and bad luck, over virtual time. First
 * there is trouble; then it ends, the users are served out, and everything has to come back by itself.
 */
import { randomBelow, seededRandom, type Random } from "../../src/base/random.js";
import { tickMs } from "../../src/shard/parts.js";
import { createSlotBook } from "../../src/balancer/slots.js";
import type { FromShard, ToShard } from "../../src/shard/messages.js";
import { AttemptRules } from "./attempt-rules.js";
import { Fleet } from "./fleet.js";
import { inputOf } from "./input.js";
import { drawScenario, type Scenario } from "./scenario.js";
import { SimulatedConnection } from "./simulated-connection.js";
import { messageMsMax, SimulatedMain } from "./simulated-main.js";
import { clearMemories, SimulatedShard, sizes } from "./simulated-shard.js";
import { SimulatedWorker } from "./simulated-worker.js";
import { checkConnections, checkOutcomes, checkQuiet, checkStanding } from "./standing-rules.js";
import { Users } from "./users.js";
import { Diary, must } from "./violation.js";
import { VirtualClock } from "./virtual-clock.js";

const standingMs = 4 * tickMs;
const lonePerSecond = 0.5;
/** A crashed shard's thread is started again after its pause, and its start takes a moment. */
const restartMs = 60;
/** A worker ejected for the longest time, with its jitter, a failed probe's time and the longest pause between connects. */
const recoveryMsMax = 80_000;
/** A probe's time, or that of a connection which is still opening. */
const lettingGoMsMax = 2_000;
/** Longer than any deadline and upload, and than a queue of analyses without end. */
const settlingMsMax = 60_000;

export class World {
  readonly clock = new VirtualClock();
  readonly diary: Diary;
  readonly rules: AttemptRules;
  readonly scenario: Scenario;
  private readonly random: Random;
  private readonly fleet: Fleet;
  private readonly shards: SimulatedShard[] = [];
  private readonly main: SimulatedMain;
  private readonly slots = createSlotBook(sizes, () => undefined);
  private isTrouble = true;
  private readonly users: Users;
  /** What a shard that starts anew is told. */
  private published: ToShard | undefined;

  constructor(seed: number, keepsDiary: boolean) {
    clearMemories();
    this.random = seededRandom(seed);
    this.scenario = drawScenario(this.random);
    this.diary = new Diary(keepsDiary, () => this.clock.nowMs());
    this.rules = new AttemptRules(this.diary, () => this.clock.nowMs(), () => this.main.desk);
    this.fleet = new Fleet(this.scenario, this.random, (id, language, version) => {
      return new SimulatedWorker(id, language, version, this.scenario.traits, this.clock, this.random, this.diary, (source) => this.rules.onDeath(source, language, id));
    });
    const { scenario, random, clock, rules, diary } = this;
    rules.shards = scenario.shards;
    this.main = new SimulatedMain(this.shards, scenario.shards, clock, random);
    for (let index = 0; index < scenario.shards; index++) this.shards.push(this.newShard(index));
    this.users = new Users({ scenario, random, clock, rules, diary, shards: () => this.shards.filter(({ isDead }) => !isDead) });
  }

  /** Throws a `Violation` when a rule is broken. */
  async run(): Promise<void> {
    const onRejection = (error: unknown): void => this.clock.breakOff(error);
    process.on("unhandledRejection", onRejection);
    try {
      await this.live();
    } finally {
      process.off("unhandledRejection", onRejection);
    }
  }

  private async live(): Promise<void> {
    const { clock, scenario } = this;
    this.diary.note(() => JSON.stringify(scenario));
    this.publish("the first configuration");
    // Behind the shards' ticks, which fall on the same moment, but not at one of the slower ticks of their health.
    const check = (): void => this.checkStanding();
    clock.after(tickMs, () => clock.every(standingMs, () => clock.after(0, check)));
    this.repeat(scenario.requestsPerSecond, () => this.users.ask());
    this.repeat(scenario.effects.length > 0 ? lonePerSecond : 0, () => this.users.insist());
    this.repeat(scenario.faultsPerSecond, () => this.misfortune());
    this.repeat(scenario.shardCrashesPerSecond, () => this.crashShard());
    this.repeat(scenario.changesPerSecond, () => this.publish(this.fleet.change()));
    await clock.runUntil(clock.nowMs() + scenario.troubleMs);
    this.endTrouble();
    const { requests, answered } = this.rules;
    await clock.runUntil(clock.nowMs() + settlingMsMax, () => this.rules.answered === requests.size && this.users.insistent === 0 && !this.shards.some(({ isDead }) => isDead));
    must(this.rules.answered === requests.size, "every exchange settles", () => `${answered} of ${requests.size}`);
    for (const shard of this.shards) checkQuiet(shard, this.rules);
    await clock.runUntil(clock.nowMs() + messageMsMax);
    this.rules.checkBudgets();
    checkOutcomes(this.shards, this.rules);
    this.main.desk.checkEmpty();
    await this.recover();
  }

  private newShard(index: number): SimulatedShard {
    const { clock, random } = this;
    const worker = (port: number): SimulatedWorker | undefined => this.fleet.workers.get(port);
    return new SimulatedShard(index, {
      clock,
      random: seededRandom(randomBelow(random, 2 ** 32)),
      limits: this.scenario.limits,
      openConnection: (shardClock, options, events) => new SimulatedConnection(worker(options.port), options, events, { clock: shardClock, random, watch: this.rules }),
      novelInputs: this.main.suspects.novelInputs,
      say: (shard, message) => this.hear(shard, message),
      watch: this.rules,
      onApplied: ({ active }) => this.diary.note(() => `shard ${index} applies ${active.revision}`),
    });
  }

  /** Its thread ends by a mistake of ours; the main thread starts another one. */
  private crashShard(): void {
    const shard = this.shards[randomBelow(this.random, this.shards.length)]!;
    if (shard.isDead) return;
    this.diary.note(() => `shard ${shard.index} crashes`);
    this.rules.onCrash(shard);
    shard.crash();
    this.main.onShardEnded(shard.index);
    this.clock.after(restartMs, () => {
      const next = this.newShard(shard.index);
      this.shards[shard.index] = next;
      this.main.suspects.onShardStarted(shard.index);
      if (this.published !== undefined) this.main.tell(shard.index, this.published);
    });
  }

  private hear(shard: SimulatedShard, message: FromShard): void {
    if (message.kind === "worker" && message.change === "ejected") {
      const { worker: id, reason } = message;
      this.diary.note(() => `shard ${shard.index} ejects ${id}: ${reason}`);
      const worker = [...this.fleet.workers.values()].find((one) => one.id === id);
      must(!this.scenario.isCalm || worker?.wasFaulty !== false, "a worker that did nothing wrong is not ejected", () => `${id}: ${reason}`);
    }
    if (message.kind === "suspect-ask") this.rules.onAsk(shard, message.id);
    if (message.kind === "suspect-done") this.rules.onDone(shard, message.id);
    this.main.hear(shard.index, message);
  }

  private checkStanding(): void {
    const nowMs = this.clock.nowMs();
    for (const shard of this.shards) if (!shard.isDead) checkStanding(shard, this.rules, this.main.desk, nowMs);
    this.main.desk.check(nowMs);
  }

  /** At random times, on average so often, as long as there is trouble. */
  private repeat(perSecond: number, what: () => void): void {
    if (perSecond === 0) return;
    const plan = (): void => {
      this.clock.after((-Math.log(1 - this.random.next()) * 1_000) / perSecond, () => {
        if (!this.isTrouble) return;
        what();
        plan();
      });
    };
    plan();
  }

  private publish(why: string): void {
    const snapshot = this.fleet.next();
    this.diary.note(() => `configuration ${snapshot.revision}: ${why}`);
    this.slots.reserve(snapshot);
    const published: ToShard = { kind: "snapshot", update: { ...snapshot, slots: this.slots.of(snapshot.languages), whole: true, removed: [], share: 1 } };
    this.published = published;
    for (const { index } of this.shards) this.main.tell(index, published);
  }

  private misfortune(): void {
    const { faults } = this.scenario;
    if (faults.length === 0) return;
    const workers = [...this.fleet.workers.values()];
    const first = workers[randomBelow(this.random, workers.length)]!;
    const fault = faults[randomBelow(this.random, faults.length)]!;
    const lastsMs = -Math.log(1 - this.random.next()) * (this.random.next() < 0.3 ? 3_000 : 300);
    // Now and then it comes to all of a version at once.
    const befallen = this.random.next() < 0.1 ? workers.filter(({ version }) => version === first.version) : [first];
    for (const worker of befallen) {
      if (worker.faults.has(fault)) continue;
      worker.begin(fault);
      this.clock.after(lastsMs, () => worker.end(fault));
    }
  }

  private endTrouble(): void {
    this.isTrouble = false;
    this.diary.note(() => "the trouble ends");
    for (const worker of this.fleet.workers.values()) for (const fault of [...worker.faults]) worker.end(fault);
  }

  /** By themselves, without a user's help: all workers serve again, and then users are served. */
  private async recover(): Promise<void> {
    const { clock } = this;
    await clock.runUntil(clock.nowMs() + settlingMsMax, () => [...this.fleet.workers.values()].every(({ depth }) => depth === 0));
    await clock.runUntil(clock.nowMs() + recoveryMsMax, () => this.shards.every((shard) => shard.isWhole));
    for (const shard of this.shards) must(shard.isWhole, "after all trouble every worker serves again", () => shard.describeWorkers());
    await clock.runUntil(clock.nowMs() + lettingGoMsMax);
    for (const shard of this.shards) checkConnections(shard);
    const before = this.rules.reports;
    let asked = 0;
    for (const shard of this.shards) {
      for (const language of shard.active.languages.values()) {
        if (!language.versions.some(({ weight }) => weight > 0)) continue;
        asked++;
        const id = `last ${asked}`;
        this.users.sendPatiently(shard, language.language, inputOf(id, "none", 40), id);
        // One after the other: two behind each other at the same slow worker may take longer than an attempt has.
        await clock.runUntil(clock.nowMs() + settlingMsMax, () => this.rules.answered === this.rules.requests.size);
      }
    }
    must(this.rules.reports === before + asked, "after all trouble users are served", () => `${this.rules.reports - before} of ${asked}`);
    await clock.runUntil(clock.nowMs() + tickMs);
    for (const shard of this.shards) checkQuiet(shard, this.rules);
  }
}
