/** Inputs that end workers: at most two of them, whoever sends the input, however often, and to whichever shard. */
import { Agent, request } from "node:http";
import t, { type Test } from "tap";
import { BalancerProcess, until } from "../support/balancer-process.js";
import { FragileFleet } from "../support/fragile-fleet.js";
import { describeLoad, OpenLoad } from "../support/open-load.js";
import { realJsonFiles } from "../support/real-files.js";
import { WorkerFleet } from "../support/worker-fleet.js";

const files = realJsonFiles(50);
const clientCount = 10;
const requestsEach = 10;
t.setTimeout(120_000);

void t.test("a poison file sent 100 times from 10 clients at once: two workers are lost, and nobody else notices", async (t) => {
  const { fleet, balancer } = await startScene(t, 4, 2);
  const load = new OpenLoad({ url: balancer.url, files, perSecond: 150 });
  await flowing(load);
  const answers = await sendPoison(balancer.url, "POISON of one kind");
  const results = await load.stop();
  t.comment(`${fleet.deaths} workers lost; the ${answers.length} answers: ${counted(answers)}`);
  t.comment(`beside it: ${describeLoad(results)}`);
  t.ok(fleet.deaths <= 2, "at most two workers");
  t.equal(answers.length, clientCount * requestsEach);
  t.same(answers.filter((answer) => answer !== "422 poison-input"), [], "every answer is 422 poison-input");
  t.equal(results.filter(({ status }) => status !== 200).length, 0, "innocent requests beside it are answered");
});

void t.test("several poison files, on more shards than may lose a worker each", async (t) => {
  const { fleet, balancer } = await startScene(t, 6, 6);
  const load = new OpenLoad({ url: balancer.url, files, perSecond: 100 });
  await flowing(load);
  const kinds = 3;
  for (let kind = 0; kind < kinds; kind++) {
    const before = fleet.deaths;
    const answers = await sendPoison(balancer.url, `POISON number ${kind}`);
    t.comment(`${fleet.deaths - before} workers lost; the ${answers.length} answers: ${counted(answers)}`);
    t.ok(fleet.deaths - before <= 2, "at most two workers");
    t.same(answers.filter((answer) => answer !== "422 poison-input"), [], "every answer is 422 poison-input");
    await untilAllServe(balancer);
  }
  const results = await load.stop();
  t.comment(`beside it: ${describeLoad(results)}`);
  t.equal(results.filter(({ status }) => status !== 200).length, 0, "innocent requests beside it are answered");
});

void t.test("with one worker it is lost twice, not once for every request", async (t) => {
  const { fleet, balancer } = await startScene(t, 1, 2);
  const answers: string[] = [];
  for (let round = 0; round < 5; round++) {
    answers.push(...(await sendPoison(balancer.url, "POISON")));
    await untilAllServe(balancer);
  }
  t.comment(`${fleet.deaths} workers lost; the ${answers.length} answers: ${counted(answers)}`);
  t.ok(fleet.deaths <= 2, "at most two processes");
  t.same(new Set(answers.slice(-100)), new Set(["422 poison-input"]), "then it is refused unseen");
});

void t.test("an analysis that loops, and one that eats memory, are ended in the worker: 422, and others go on", async (t) => {
  const fleet = new WorkerFleet();
  t.teardown(() => fleet.stop());
  const looping = ["sh", "-c", "if grep -q LOOP; then while :; do :; done; fi; exit 0"];
  const started = await Promise.all([
    ...[1, 2].map(() => fleet.start({ language: "shell", version: "1", flags: ["--report", "lines", "--analysis-timeout-ms", "700"], program: looping })),
    ...[1, 2].map(() => fleet.start({ language: "javascript", version: "1", flags: ["--analysis-heap-bytes-max", "96MiB", "--analysis-timeout-ms", "30000"] })),
  ]);
  const ids = started.map(({ id }) => id);
  const languages = { shell: [{ version: "1", weight: 1, workers: ids.slice(0, 2) }], javascript: [{ version: "1", weight: 1, workers: ids.slice(2) }] };
  const balancer = await BalancerProcess.start({ limits: { attemptTimeoutMs: "20s", deadlineMs: "50s" }, languages });
  t.teardown(() => balancer.stop());
  const load = new OpenLoad({ url: balancer.url, files: [{ path: "/v1/lint/javascript", source: Buffer.from("let a = 1;\n") }, { path: "/v1/lint/shell", source: Buffer.from("echo") }], perSecond: 20 });
  await flowing(load);
  const calm = load.results.length;
  // Its syntax tree alone does not fit.
  const hungry = "f(1);\n".repeat(150_000);
  const agent = new Agent({ maxSockets: 2 });
  const answers = await Promise.all([ask(agent, balancer.url, "LOOP", "shell"), ask(agent, balancer.url, hungry, "javascript")]);
  const again = await Promise.all([ask(agent, balancer.url, "LOOP", "shell"), ask(agent, balancer.url, hungry, "javascript")]);
  const during = load.results.length;
  const results = await load.stop();
  t.comment(`before: ${describeLoad(results.slice(0, calm))}`);
  t.comment(`during: ${describeLoad(results.slice(calm, during))}`);
  t.same([...answers, ...again], Array(4).fill("422 poison-input"));
  t.equal(results.filter(({ status }) => status !== 200).length, 0, "nobody else noticed");
  t.ok(fleet.workers.every((worker) => fleet.isAlive(worker)), "no worker was lost");
});

async function startScene(t: Test, workers: number, shards: number): Promise<{ fleet: FragileFleet; balancer: BalancerProcess }> {
  const fleet = new FragileFleet();
  t.teardown(() => fleet.stop());
  await fleet.start(workers);
  const balancer = await BalancerProcess.start({ shards, languages: { json: [{ version: "1", weight: 1, workers: fleet.addresses }] } });
  t.teardown(() => balancer.stop());
  return { fleet, balancer };
}

/** Resolves with what each request was answered, "status code". */
async function sendPoison(url: string, source: string): Promise<string[]> {
  const clients = Array.from({ length: clientCount }, async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const answers: string[] = [];
    for (let count = 0; count < requestsEach; count++) answers.push(await ask(agent, url, source));
    agent.destroy();
    return answers;
  });
  return (await Promise.all(clients)).flat();
}

function ask(agent: Agent, url: string, source: string, language = "json"): Promise<string> {
  return new Promise((resolve) => {
    const outgoing = request(`${url}/v1/lint/${language}`, { method: "POST", agent }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => (body += text));
      response.on("end", () => resolve(`${response.statusCode ?? 0} ${response.statusCode === 200 ? "" : (JSON.parse(body) as { code: string }).code}`));
    });
    outgoing.on("error", (error) => resolve(error.message));
    outgoing.end(source);
  });
}

function counted(answers: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const answer of answers) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  return [...counts].map(([answer, count]) => `${count} x ${answer}`).join(", ");
}

function flowing(load: OpenLoad): Promise<void> {
  return until(() => load.results.length >= 50, 20_000, () => "the load to flow");
}

/** Every worker is connected to every shard and trusted by it. */
function untilAllServe(balancer: BalancerProcess): Promise<void> {
  const serving = async (): Promise<boolean> => (await balancer.status()).shards.every(({ status }) => status?.workers.every(({ state }) => state === "ready") ?? false);
  return until(serving, 20_000, () => "all workers to serve");
}
