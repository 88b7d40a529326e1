/** Those who send requests: in a hurry or patient, with good sources and bad ones, to any shard that listens. Must not know workers. */
import { randomBelow, type Random } from "../../src/base/random.js";
import type { AttemptRules } from "./attempt-rules.js";
import { alone, inputOf, type Input } from "./input.js";
import type { Scenario } from "./scenario.js";
import { SimulatedRequest, type RequestPlan } from "./simulated-request.js";
import type { SimulatedShard } from "./simulated-shard.js";
import type { Diary } from "./violation.js";
import type { VirtualClock } from "./virtual-clock.js";

const loneTimes = 5;
const lonePauseMs = 20;

export interface UsersSurroundings {
  readonly scenario: Scenario;
  readonly random: Random;
  readonly clock: VirtualClock;
  readonly rules: AttemptRules;
  readonly diary: Diary;
  /** Those that listen. */
  readonly shards: () => readonly SimulatedShard[];
}

export class Users {
  /** Those who have not yet asked as often as they will. */
  insistent = 0;

  constructor(private readonly surroundings: UsersSurroundings) {}

  ask(): void {
    const { random, scenario, shards, rules } = this.surroundings;
    const listening = shards();
    const shard = listening[randomBelow(random, listening.length)];
    const languages = [...(shard?.active.languages.values() ?? [])];
    const language = languages[randomBelow(random, languages.length)];
    if (shard === undefined || language === undefined) return;
    const pieces = random.next() < scenario.slowUploadShare ? 1 + randomBelow(random, 4) : 0;
    this.send(shard, {
      id: `${rules.requests.size + 1}`,
      input: this.input(),
      active: shard.active,
      language,
      version: random.next() < scenario.pinnedShare ? language.versions[randomBelow(random, language.versions.length)] : undefined,
      deadlineMs: random.next() < scenario.hurriedShare ? 1 + randomBelow(random, 3_000) : scenario.limits.deadlineMs,
      pausesMs: pieces === 0 ? [0] : Array.from({ length: pieces }, () => randomBelow(random, 400)),
      patienceMs: random.next() < scenario.leavingShare ? random.next() * random.next() * 2_000 : Infinity,
    });
  }

  /** Somebody patient with one input, who does not take no for an answer. */
  insist(): void {
    const { random, scenario, rules, shards, clock } = this.surroundings;
    const effect = scenario.effects[randomBelow(random, scenario.effects.length)]!;
    const input = inputOf(`${alone}${rules.requests.size}`, effect, 40);
    let times = 0;
    this.insistent++;
    const again = (): void => {
      const listening = shards();
      const shard = listening[times % listening.length];
      if (times++ === loneTimes || shard?.active.languages.get("l0") === undefined) {
        this.insistent--;
        return;
      }
      this.sendPatiently(shard, "l0", input, `${rules.requests.size + 1}`, () => clock.after(lonePauseMs, again));
    };
    again();
  }

  /** One request of an ordinary user; `onOver` when it is answered, or its connection lost. */
  sendPatiently(shard: SimulatedShard, language: string, input: Input, id: string, onOver: () => void = () => undefined): void {
    const { active } = shard;
    const { deadlineMs } = this.surroundings.scenario.limits;
    this.send(shard, { id, input, active, language: active.languages.get(language)!, version: undefined, deadlineMs, pausesMs: [0], patienceMs: Infinity, onOver });
  }

  private send(shard: SimulatedShard, plan: RequestPlan): void {
    const { rules, clock, diary } = this.surroundings;
    const { language, version, input } = plan;
    diary.note(() => `request ${plan.id} to shard ${shard.index}: ${language.language} ${version?.version ?? ""} ${input.key} ${input.effect}, deadline ${plan.deadlineMs} ms`);
    const request = new SimulatedRequest(plan, shard, clock, rules, diary);
    rules.requests.set(plan.id, request);
    request.start();
  }

  private input(): Input {
    const { random, scenario } = this.surroundings;
    const bytes = random.next() < 0.05 ? 1_000 + randomBelow(random, 100) : 20;
    if (scenario.effects.length > 0 && random.next() < scenario.effectShare) {
      const effect = scenario.effects[randomBelow(random, scenario.effects.length)]!;
      return inputOf(`${effect}-${randomBelow(random, 3)}`, effect, 40);
    }
    return inputOf(`${randomBelow(random, 100)}`, "none", bytes);
  }
}
