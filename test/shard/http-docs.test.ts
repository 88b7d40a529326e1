/** docs/http.md: its examples do what it shows, and its table is the code's own. */
import { readFileSync } from "node:fs";
import t from "tap";
import { headBytesMax } from "../../src/shard/head-limit.js";
import { filenameCharsMax, optionsCharsMax } from "../../src/shard/lint-request.js";
import { replyOf } from "../../src/shard/problem.js";
import { problemKinds, problemSamples } from "../../src/shard/problem-samples.js";
import { runProcess } from "../support/run-lintel.js";
import { startUp } from "../support/service.js";

const page = readFileSync(new URL("../../../docs/http.md", import.meta.url), "utf8");
const configuration = ["python", "json", "yaml"].map((name) => `  ${name}: { versions: [{ version: "1", weight: 1, run: { builtin: ${name}, workers: 1, threads: 1 } }] }`).join("\n");

void t.test("the table of problems and the limits are the code's", (t) => {
  const rows = [...page.matchAll(/^\| (\d{3}) \| `([a-z-]+)` \| (yes|no) \|/gm)].map(([, status, code, again]) => `${status!} ${code!} ${again!}`);
  const known = problemKinds.map((kind) => {
    const { status, retryable } = replyOf(problemSamples[kind]);
    return `${status.slice(0, 3)} ${kind} ${retryable ? "yes" : "no"}`;
  });
  t.same([...rows].sort(), known.sort());
  for (const limit of [filenameCharsMax.toLocaleString("en"), optionsCharsMax.toLocaleString("en"), `${headBytesMax / 1024} KiB`]) t.ok(page.includes(limit), limit);
  t.end();
});

void t.test("every example prints what the page shows", async (t) => {
  const curl = await runProcess("curl", ["--version"]).catch(() => undefined);
  if (curl?.code !== 0) {
    t.comment("the examples need curl");
    return;
  }
  const service = await startUp(t, { config: `limits: { attemptTimeoutMs: 8s }\nlanguages:\n${configuration}\n` });
  let examples = 0;
  for (const [, block] of page.matchAll(/```console\n([^]*?)```/g)) {
    for (const example of block!.split(/^\$ /m).slice(1)) {
      const [command = "", ...shown] = example.trimEnd().split("\n");
      const run = await runProcess("sh", ["-c", command.replaceAll("http://127.0.0.1:8080", service.url)]);
      const expected = new RegExp(`^${shown.join("\n").split("…").map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("[^]*")}\\s*$`);
      t.match(run.stdout.replaceAll("\r", ""), expected, command);
      examples++;
    }
  }
  t.equal(examples, 7);
});
