// What is different between two pictures: a page that applies it has the later one, and nothing more is sent than that.
import t from "tap";
import type { Overview, Sample, WholePicture, WorkerPicture } from "../../../src/balancer/dashboard/picture.js";
import { changeOf } from "../../../src/balancer/dashboard/picture-changes.js";
import { NoticedChanges } from "../../../src/balancer/dashboard/noticed-changes.js";
import type { Snapshot } from "../../../src/snapshot/snapshot.js";

const overview: Overview = { atUnixMs: 1, program: "1", link: "file:x", revision: 1, verdict: { level: "well", sentence: "", reasons: [] }, languages: [], shards: [], changes: [], manager: { kind: "none", reason: "" } };
const worker = (id: string, inFlight = 0): WorkerPicture => ({ id, language: "a", version: "1", address: "", state: "ready", reason: "", sinceUnixMs: 1, inFlight, queued: 0, perSecond: 0, answerMs: -1, failures: 0, linter: "" });
const sample = (atUnixMs: number): Sample => ({ atUnixMs, perSecond: 1, failuresPerSecond: 0, refusalsPerSecond: 0, p50Ms: 1, p90Ms: 1, p99Ms: 1, inFlight: 0 });
const picture = (given: Partial<WholePicture> = {}, parts: Partial<Overview> = {}): WholePicture => ({ overview: { ...overview, ...parts }, workers: [worker("w1"), worker("w2")], samples: [sample(1)], ...given });

void t.test("what is as it was is not sent", (t) => {
  t.equal(changeOf(picture(), picture({}, { atUnixMs: 2 })), undefined, "also when time has passed");
  const changed = changeOf(picture(), picture({ workers: [worker("w1", 3), worker("w3")], samples: [sample(1), sample(2)] }, { atUnixMs: 2, revision: 2, languages: [] }));
  t.same(changed, { overview: { atUnixMs: 2, revision: 2 }, workers: [worker("w1", 3), worker("w3")], gone: ["w2"], samples: [sample(2)] });
  t.end();
});

void t.test("changes of the configuration are noticed once, in words, the newest first", (t) => {
  const noticed = new NoticedChanges();
  const snapshot = (revision: number, weight: number, workers: number): Snapshot => ({
    revision, nonce: revision, languages: [{ language: "python", extensions: [".py"], spill: true, versions: [{ version: "1", weight, workers: Array.from({ length: workers }, (_none, index) => ({ id: `w${index}`, host: "x", port: 1 })) }] }],
  });
  noticed.note(snapshot(0, 1, 1), 5);
  noticed.note(snapshot(1, 1, 1), 10);
  t.same(noticed.list, [], "what there was at the start is no change");
  noticed.note(snapshot(2, 9, 3), 20);
  noticed.note(snapshot(2, 9, 3), 30);
  noticed.note(snapshot(3, 9, 2), 40);
  t.same(noticed.list, [
    { revision: 3, atUnixMs: 40, differences: ["python 1: 1 worker left"] },
    { revision: 2, atUnixMs: 20, differences: ["python 1: weight 1 -> 9", "python 1: 2 workers joined"] },
  ]);
  t.end();
});
