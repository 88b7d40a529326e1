// The scraper's port of a manager: on loopback only, for loopback names only, and nothing but numbers.
import { request } from "node:http";
import t from "tap";
import { UserError } from "../../src/base/errors.js";
import { systemClock } from "../../src/base/clock.js";
import { Exposition } from "../../src/metrics/exposition.js";
import { MetricsServer } from "../../src/metrics/metrics-server.js";
import { describeProcess } from "../../src/metrics/process-metrics.js";
import { readScrape } from "../support/metric-names.js";

function ask(port: number, path: string, { method = "GET", host = "localhost" } = {}): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port, path, method, headers: { host, connection: "close" } }, (response) => {
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
