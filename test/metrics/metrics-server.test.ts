// The scraper's port of a manager and a balancer: on loopback for loopback names, beyond it for who has the token, and nothing but numbers.
import { rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import t from "tap";
import { UserError } from "../../src/base/errors.js";
import { systemClock } from "../../src/base/clock.js";
import { Exposition } from "../../src/metrics/exposition.js";
import { MetricsServer } from "../../src/metrics/metrics-server.js";
import { describeProcess } from "../../src/metrics/process-metrics.js";
import { ScraperToken } from "../../src/metrics/scraper-token.js";
import { readScrape } from "../support/metric-names.js";
import { folderWith } from "../support/run-lintel.js";

function ask(port: number, path: string, { method = "GET", host = "localhost", authorization = "" } = {}): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port, path, method, headers: { host, connection: "close", ...(authorization !== "" && { authorization }) } }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => (body += text));
      response.once("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
    asked.once("error", reject).end();
  });
}

void t.test("it answers a scraper of this machine, and no page that came by another name", async (t) => {
  const exposition = new Exposition();
  describeProcess(exposition, "1.2.3", systemClock);
  const server = new MetricsServer(exposition);
  await server.listen({ host: "127.0.0.1", port: 0 });
  t.teardown(() => server.close());
  const { status, body } = await ask(server.port, "/metrics?a=b");
  t.equal(status, 200);
  t.match(body, /^lintel_build_info\{program="1\.2\.3"\} 1$/m);
  t.same(readScrape(body).faults, []);
  const cpu = Number(/^lintel_process_cpu_seconds_total (\S+)$/m.exec(body)?.[1]);
  t.ok(cpu > 0.01 && cpu < 1_000, `${cpu} s of CPU`);
  t.same(await ask(server.port, "/metrics", { method: "HEAD" }), { status: 200, body: "" });
  t.equal((await ask(server.port, "/livez")).status, 200);
  t.equal((await ask(server.port, "/")).status, 404);
  t.equal((await ask(server.port, "/metrics", { method: "POST" })).status, 405);
  t.equal((await ask(server.port, "/metrics", { host: "evil.example" })).status, 403);

  const second = new MetricsServer(exposition);
  await t.rejects(second.listen({ host: "127.0.0.1", port: server.port }), new UserError(`--metrics 127.0.0.1:${server.port}: cannot listen there: the port is in use; choose another one`));
  await t.rejects(second.listen({ host: "0.0.0.0", port: 0 }), /only served on loopback/);
});

void t.test("with a token it answers beyond loopback, who shows the token, and takes over one that is replaced", async (t) => {
  const folder = folderWith({ token: "first-token-0123456789\n", short: "short\n", two: "two words of enough characters\n" });
  t.teardown(folder.remove);
  const path = join(folder.path, "token");
  const exposition = new Exposition();
  describeProcess(exposition, "1.2.3", systemClock);
  const server = new MetricsServer(exposition, await ScraperToken.open(path));
  await server.listen({ host: "0.0.0.0", port: 0 });
  t.teardown(() => server.close());
  const status = async (authorization: string, metrics = "/metrics") => (await ask(server.port, metrics, { host: "10.0.0.5:9902", authorization })).status;
  t.equal(await status("Bearer first-token-0123456789"), 200, "by whatever name it is reached");
  for (const wrong of ["", "Bearer", "Bearer first-token-012345678", "Basic first-token-0123456789"]) t.equal(await status(wrong), 401, wrong);
  t.notMatch((await ask(server.port, "/metrics")).body, /lintel_/, "who shows none reads nothing, on loopback neither");
  t.equal(await status("", "/livez"), 200);
  writeFileSync(path, "second-token-0123456789");
  t.equal(await status("Bearer first-token-0123456789"), 401);
  t.equal(await status("Bearer second-token-0123456789"), 200);
  rmSync(path);
  t.equal(await status("Bearer second-token-0123456789"), 500, "without the file nobody is let in");
  for (const name of ["token", "short", "two"]) await t.rejects(ScraperToken.open(join(folder.path, name)), UserError, name);
});
