/** docs/examples/text_linter.py, run for real, with the same demands as on Lintel's own workers. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import t, { type Test } from "tap";
import { LinterClient, repositoryRoot, until } from "../support/linter-process.js";
import { schemaErrors } from "../support/report-schema.js";

const python = "/usr/bin/python3";
const example = join(repositoryRoot, "docs/examples/text_linter.py");
const packages = "python3-grpcio python3-grpc-tools python3-protobuf";

/** Says what is missing, and fails when the system is to be complete. */
function canRun(t: Test): boolean {
  const tried = spawnSync(python, ["-c", "import grpc.aio, grpc_tools.protoc, google.protobuf"], { encoding: "utf8" });
  if (tried.status === 0) return true;
  const reason = `${python} cannot import what the example needs (Debian: apt-get install ${packages})`;
  if (process.env["LINTEL_REQUIRE_SYSTEM"] === "1") t.fail(`${reason}: ${tried.stderr}`);
  else t.pass(`skipped: ${reason}`);
  return false;
}

/** The whole line: a pipe may hand over its beginning first. */
const listening = /listening on .*:(\d+)\n/;

async function startExample(...args: string[]): Promise<{ child: ChildProcess; client: LinterClient }> {
  const child = spawn(python, [example, "--listen", "127.0.0.1:0", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  await until(`the example listens: ${output}`, () => {
    if (child.exitCode !== null) throw new Error(`the example ended: ${output}`);
    return listening.test(output);
  });
  return { child, client: new LinterClient(Number(listening.exec(output)?.[1])) };
}

void t.test("the Python example is a linter: Describe, self-test, Lint, refusals, health, drain", async (t) => {
  if (!canRun(t)) return;
  const { child, client } = await startExample("--as-version", "7");
  t.teardown(() => {
    client.close();
    child.kill("SIGKILL");
  });

  const described = await client.describe();
  t.match(described, { language: "text", version: "7", linterName: "text-linter", formats: ["lintel.report.v1"] });
  const { source, filename, reportSha256 } = described.selfTest!;
  const { report } = await client.lint({ source, filename });
  t.equal(createHash("sha256").update(report).digest("hex"), reportSha256.toString("hex"));

  const found = await client.report({ source: "\ufeffok\r\n😀 \u0001\t \n", filename: "x.txt", options: { "line-length": 3 } });
  t.equal(schemaErrors(found), "");
  t.match(
    found.diagnostics.map(({ rule, range: { start, end } }) => `${rule} ${start.line}:${start.column}-${end.line}:${end.column}`),
    ["control-character 2:4-2:5", "line-length 2:5-2:7", "trailing-space 2:5-2:7"],
  );
  t.match(await client.failure({ source: Buffer.from([0x61, 0xff]) }), { code: status.INVALID_ARGUMENT, details: /not valid UTF-8 at byte 2/, queueDepth: "0" });
  t.match(await client.failure({ source: "", options: { colour: 1 } }), { code: status.INVALID_ARGUMENT, details: /no option "colour"/ });

  t.strictSame(await client.check(), { status: "SERVING" });
  const watch = client.watch();
  await until("the Watch is open", () => watch.statuses.length === 1);
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  await until("it says that it is leaving", () => watch.statuses.length === 2);
  t.strictSame(watch.statuses, ["SERVING", "NOT_SERVING"]);
  t.equal((await client.report({ source: "a \n" })).diagnostics.length, 1, "still served");
  watch.call.cancel();
  t.strictSame(await exited, [0, null]);
});

void t.test("many watchers hold up nobody", async (t) => {
  if (!canRun(t)) return;
  const { child, client } = await startExample();
  t.teardown(() => {
    client.close();
    child.kill("SIGKILL");
  });
  const watches = Array.from({ length: 50 }, () => client.watch());
  await until("all have heard", () => watches.every(({ statuses }) => statuses.length === 1));
  t.equal((await client.report({ source: "a \n" })).diagnostics.length, 1);
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  for (const { call } of watches) call.cancel();
  await exited;
});

void t.test("the documentation quotes the example as it is", (t) => {
  const code = readFileSync(example, "utf8");
  const page = readFileSync(join(repositoryRoot, "docs/writing-a-linter.md"), "utf8");
  const blocks = [...page.matchAll(/```python\n([\s\S]*?)```/g)].map((match) => match[1]!);
  t.ok(blocks.length >= 4);
  for (const block of blocks) t.ok(code.includes(block), `"${block.split("\n")[0]!}" is in the example`);
  t.end();
});
