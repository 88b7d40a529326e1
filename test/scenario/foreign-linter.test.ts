/** A linter in another language joins on equal terms: docs/examples/text_linter.py behind a real balancer. */
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import t from "tap";
import type { Report } from "../../src/formats/report.js";
import { repositoryRoot } from "../support/linter-process.js";
import { startBalancer } from "../support/service.js";
import { waitUntil } from "../support/wait-until.js";

const python = "/usr/bin/python3";
/** The whole line: a pipe may hand over its beginning first. */
const listening = /listening on .*:(\d+)\n/;
const missing = spawnSync(python, ["-c", "import grpc.aio, grpc_tools.protoc, google.protobuf"]).status !== 0 && process.env["LINTEL_REQUIRE_SYSTEM"] !== "1";

void t.test("the Python example serves users through the balancer, and leaves without a trace", { skip: missing && "python3-grpcio or python3-grpc-tools is not installed" }, async (t) => {
  const example = spawn(python, [join(repositoryRoot, "docs/examples/text_linter.py"), "--listen", "127.0.0.1:0", "--as-version", "7"]);
  t.teardown(() => example.kill("SIGKILL"));
  let output = "";
  for (const stream of [example.stdout, example.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  await waitUntil("the example to listen", () => listening.test(output));
  const port = listening.exec(output)?.[1] ?? "";
  const service = await startBalancer(t, `languages: { text: { extensions: [".txt"], versions: [{ version: "7", workers: ["127.0.0.1:${port}"] }] } }`);
  const ask = (): Promise<Response> => fetch(`${service.url}/v1/lint?filename=a.txt`, { method: "POST", body: "trailing space \n", headers: { connection: "close" } });

  const response = await ask();
  t.equal(response.status, 200);
  t.equal(response.headers.get("lintel-version"), "7");
  t.match(response.headers.get("lintel-linter"), /^text-linter /);
  t.match(((await response.json()) as Report).diagnostics, [{ range: { start: { line: 1 } } }]);

  example.kill("SIGTERM");
  await waitUntil("the balancer to let go of it", () => example.exitCode !== null);
  t.equal(example.exitCode, 0, "it ended by itself once the shard had let go");
  const { status } = await ask();
  t.equal(status, 503, "nobody is left to serve");
});
