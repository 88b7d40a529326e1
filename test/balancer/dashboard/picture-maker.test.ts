/** Which workers the dashboard takes for usable. */
import t from "tap";
import { chosenFrom } from "../../../src/balancer/dashboard/picture-maker.js";
import type { ShardStatus, WorkerStatus } from "../../../src/shard/messages.js";

const worker = (id: string, state: WorkerStatus["state"], version = "1"): WorkerStatus => ({ id, language: "json", version, address: "127.0.0.1:1", state, forMs: 1, reason: "", inFlight: 0, reportedDepth: 0, linter: "" });
const shard = (workers: readonly WorkerStatus[], spreading: readonly string[] = []): ShardStatus => ({ index: 0, revision: 1, nonce: 1, exchangesInFlight: 0, spreading, workers });

void t.test("those that are ready, and the ejected ones of a version that has no others", (t) => {
  t.same(chosenFrom(undefined), []);
  t.same(chosenFrom(shard([worker("a", "ready"), worker("b", "ejected"), worker("c", "waiting")])), ["a"]);
  const ejected = [worker("a", "ejected"), worker("b", "probing"), worker("c", "waiting"), worker("d", "ejected", "2")];
  t.same(chosenFrom(shard(ejected, ["json 1"])), ["a", "b"], "without a connection nobody is chosen");
  t.end();
});
