/**
 * Is it well? One sentence, with the reasons when it is not. A function of a picture; must not know where its numbers come from.
 */
import type { FleetPicture, LanguagePicture, Level, ManagerPicture, ShardPicture, Verdict, WorkerPicture } from "./picture.js";

export interface Situation {
  /** Why users cannot be served; "" when they can. */
  readonly notReadyBecause: string;
  readonly languages: readonly LanguagePicture[];
  readonly workers: readonly WorkerPicture[];
  readonly shards: readonly ShardPicture[];
  readonly manager: ManagerPicture;
  /** In the last minute. */
  readonly requests: number;
  readonly failures: number;
  /** Now. */
  readonly perSecond: number;
}

type Reason = Verdict["reasons"][number];

/** One of a hundred is what alerts are made of (docs/operations.md). */
const failuresShareMax = 0.01;
const namesShownMax = 3;

export function verdictOn(situation: Situation): Verdict {
  const { languages, shards, manager } = situation;
  const reasons: Reason[] = [
    ...(situation.notReadyBecause === "" ? [] : [failing(`Users are not served: ${situation.notReadyBecause}.`)]),
    ...failuresSeen(situation),
    ...languages.flatMap(languageReasons),
    ...workerReasons(situation.workers),
    ...shardReasons(shards),
    ...(manager.kind === "open" ? fleetReasons(manager.fleet) : []),
    ...(manager.kind === "away" ? [attention(`The ${manager.name} does not answer (${manager.reason}); users are served, and nothing can be changed.`)] : []),
  ].sort((one, other) => rank(one.level) - rank(other.level));
  const level: Level = reasons[0]?.level ?? "well";
  return { level, sentence: sentenceFor(level, situation), reasons };
}

function sentenceFor(level: Level, { languages, workers, perSecond }: Situation): string {
  switch (level) {
    case "failing":
      return "Users see failures.";
    case "attention":
      return "Users are served, but something needs attention.";
    case "well":
      return languages.length === 0 ? "All is well; there is nothing to serve yet." : `All is well: ${counted(languages.length, "language")}, ${counted(workers.length, "worker")}, ${rate(perSecond)}.`;
  }
}

function failuresSeen({ requests, failures }: Situation): Reason[] {
  if (failures === 0 || requests === 0) return [];
  const share = failures / requests;
  const text = `${counted(failures, "request")} of ${requests.toLocaleString("en")} failed in the last minute (${percent(share)}).`;
  return [share > failuresShareMax ? failing(text) : attention(text)];
}

function languageReasons({ language, spill, versions }: LanguagePicture): Reason[] {
  const reasons = versions.filter(({ waiting }) => waiting !== "").map(({ version, waiting }) => attention(`${language} ${version} waits for its first traffic: ${waiting}.`));
  const weighted = versions.filter(({ weight }) => weight > 0);
  const down = weighted.filter(({ usable }) => usable === 0);
  if (weighted.length === 0) return reasons;
  if (down.length === weighted.length) return [failing(`${language} has no usable worker.`), ...reasons];
  for (const { version, wanted } of down) {
    const share = percent(wanted);
    reasons.push(spill ? attention(`${language} ${version} has no usable worker; other versions serve its ${share}.`) : failing(`${language} ${version} has no usable worker: ${share} of its language's users get 503.`));
  }
  return reasons;
}

function workerReasons(workers: readonly WorkerPicture[]): Reason[] {
  const bad = workers.filter(({ state }) => state !== "ready");
  if (bad.length === 0) return [];
  const shown = bad.slice(0, namesShownMax).map(({ id, state, reason }) => `${id} (${reason === "" ? state : reason})`);
  const more = bad.length > namesShownMax ? ` and ${bad.length - namesShownMax} more` : "";
  return [attention(`${bad.length} of ${counted(workers.length, "worker")} cannot be used: ${shown.join(", ")}${more}.`)];
}

function shardReasons(shards: readonly ShardPicture[]): Reason[] {
  const reasons: Reason[] = [];
  const silent = shards.filter(({ answers, listening }) => listening && !answers).map(({ index }) => index);
  if (silent.length > 0) reasons.push(failing(`Shard ${silent.join(", ")} of ${shards.length} does not answer.`));
  const revisions = new Set(shards.map(({ revision }) => revision));
  if (revisions.size > 1) reasons.push(attention(`The shards serve different revisions: ${[...revisions].join(", ")}.`));
  return reasons;
}

function fleetReasons({ balancers }: FleetPicture): Reason[] {
  return balancers.filter(({ connected, stale }) => !connected || stale).map(({ balancer, connected, reason }) => attention(`Balancer ${balancer} ${connected ? "lags" : "is not connected"}${reason === "" ? "" : `: ${reason}`}.`));
}

function failing(text: string): Reason {
  return { level: "failing", text };
}

function attention(text: string): Reason {
  return { level: "attention", text };
}

function rank(level: Level): number {
  return ["failing", "attention", "well"].indexOf(level);
}

function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

function rate(perSecond: number): string {
  return perSecond === 0 ? "no requests just now" : `${perSecond.toLocaleString("en", { maximumSignificantDigits: 3 })} requests a second`;
}

function percent(share: number): string {
  return `${(share * 100).toLocaleString("en", { maximumSignificantDigits: 2 })} %`;
}
