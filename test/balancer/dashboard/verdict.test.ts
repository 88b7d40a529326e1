// Is it well? The sentence and the reasons, for what can be wrong.
import t from "tap";
import type { FleetPicture, LanguagePicture, ShardPicture, VersionPicture, WorkerPicture } from "../../../src/balancer/dashboard/picture.js";
import { type Situation, verdictOn } from "../../../src/balancer/dashboard/verdict.js";

const version = (given: Partial<VersionPicture> = {}): VersionPicture => ({ version: "1", weight: 1, wanted: 1, real: 1, requests: 10, failures: 0, workers: 1, ready: 1, usable: 1, waiting: "", ...given });
const language = (...versions: VersionPicture[]): LanguagePicture => ({ language: "python", spill: true, p50Ms: 1, p99Ms: 2, versions });
const worker = (given: Partial<WorkerPicture> = {}): WorkerPicture => ({
  id: "w1", language: "python", version: "1", address: "127.0.0.1:1", state: "ready", reason: "", sinceUnixMs: 1, inFlight: 0, queued: 0, perSecond: 0, answerMs: -1, failures: 0, linter: "", ...given,
});
const shard = (given: Partial<ShardPicture> = {}): ShardPicture => ({ index: 0, listening: true, answers: true, restarts: 0, revision: 1, inFlight: 0, connections: 0, ...given });
const well: Situation = { notReadyBecause: "", languages: [language(version())], workers: [worker()], shards: [shard()], manager: { kind: "none", reason: "" }, requests: 1_000, failures: 0, perSecond: 16.7 };
const reasons = (given: Partial<Situation>): string[] => verdictOn({ ...well, ...given }).reasons.map(({ level, text }) => `${level}: ${text}`);

void t.test("all is well, with the size of what is well", (t) => {
  t.same(verdictOn(well), { level: "well", sentence: "All is well: 1 language, 1 worker, 16.7 requests a second.", reasons: [] });
  t.equal(verdictOn({ ...well, perSecond: 0 }).sentence, "All is well: 1 language, 1 worker, no requests just now.");
  t.end();
});

void t.test("what users see comes first, and decides the sentence", (t) => {
  const { level, sentence } = verdictOn({ ...well, failures: 20, workers: [worker({ state: "ejected", reason: "timeout" })] });
  t.same([level, sentence], ["failing", "Users see failures."]);
  t.same(reasons({ failures: 20, workers: [worker({ state: "ejected", reason: "timeout" })] }), ["failing: 20 requests of 1,000 failed in the last minute (2 %).", "attention: 1 of 1 worker cannot be used: w1 (timeout)."]);
  t.same(reasons({ failures: 1 }), ["attention: 1 request of 1,000 failed in the last minute (0.1 %)."], "one in a thousand is no alarm");
  t.same(reasons({ notReadyBecause: "the balancer is leaving" }), ["failing: Users are not served: the balancer is leaving."]);
  t.end();
});

void t.test("versions without workers: what others serve, and what nobody does", (t) => {
  const away = version({ version: "2", wanted: 0.1, usable: 0, ready: 0 });
  t.same(reasons({ languages: [language(version(), away)] }), ["attention: python 2 has no usable worker; other versions serve its 10 %."]);
  t.same(reasons({ languages: [{ ...language(version(), away), spill: false }] }), ["failing: python 2 has no usable worker: 10 % of its language's users get 503."]);
  t.same(reasons({ languages: [language(version({ usable: 0 }), away)] }), ["failing: python has no usable worker."]);
  t.same(reasons({ languages: [language(version(), version({ version: "2", weight: 0, usable: 0, workers: 0 }))] }), [], "a version without weight needs none");
  t.same(reasons({ languages: [language(version({ waiting: "no usable worker on shard 1" }))] }), ["attention: python 1 waits for its first traffic: no usable worker on shard 1."]);
  t.end();
});

void t.test("shards and balancers that lag, and a manager that is away", (t) => {
  t.same(reasons({ shards: [shard(), shard({ index: 1, revision: 2, answers: false })] }), ["failing: Shard 1 of 2 does not answer.", "attention: The shards serve different revisions: 1, 2."]);
  t.same(reasons({ manager: { kind: "away", name: "manager at x:1", reason: "connect ECONNREFUSED" } }), ["attention: The manager at x:1 does not answer (connect ECONNREFUSED); users are served, and nothing can be changed."]);
  const balancer = { balancer: "b1", connected: true, stale: false, ready: true, acked: 1, shards: [1], reason: "", program: "" };
  const lagging = { ...balancer, balancer: "b2", stale: true, reason: "no acknowledgement for 6 s" };
  const fleet: FleetPicture = { revision: 1, manager: "", store: "", platform: "", balancers: [balancer, lagging, { ...balancer, balancer: "b3", connected: false }], workers: [], languages: [], history: [] };
  t.same(reasons({ manager: { kind: "open", name: "", fleet } }), ["attention: Balancer b2 lags: no acknowledgement for 6 s.", "attention: Balancer b3 is not connected."]);
  t.end();
});
