/** The harness itself: what is left open must be noticed, or every test that relies on it proves nothing. */
import t from "tap";
import { ask, connect } from "./raw-http.js";
import { startBalancer, startUp, startWorker } from "./service.js";

const json = `languages: { json: { versions: [{ version: "1", weight: 1, run: { builtin: json, workers: 1, threads: 1 } }] } }`;

void t.test("a service starts on free ports, answers, and stops with nothing left behind", async (t) => {
  const service = await startUp(t, { config: json });
  t.equal((await ask(service, { path: "/v1/languages" })).status, 200);
  await service.untilIdle();
  t.equal(await service.metric("lintel_shards"), 1);
  t.match(await service.status(), { ready: true });
  await service.stop();
  t.match(await service.ended, { code: 0 });
});

void t.test("a balancer serves with workers started apart", async (t) => {
  const worker = await startWorker(t, "json", ["--as-version", "1", "--threads", "1"]);
  const service = await startBalancer(t, `languages: { json: { versions: [{ version: "1", weight: 1, workers: ["${worker.address}"] }] } }`);
  t.equal((await ask(service, { method: "POST", path: "/v1/lint/json", body: "{}" })).status, 200);
  await service.stop();
  await worker.stop();
});

void t.test("a connection left open fails the test that left it", async (t) => {
  const failures: string[] = [];
  const service = await startUp({ teardown: (callback) => t.teardown(callback), fail: (message) => failures.push(message) }, { config: json });
  const connection = await connect(service);
  await service.untilIdle(1);
  t.same(failures, []);
  await service.untilIdle();
  t.match(failures, [/should become idle with 0 connections, but has 1;/]);
  connection.close();
});
