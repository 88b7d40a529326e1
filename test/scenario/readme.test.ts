// The console blocks of README.md, run as they stand: what they show must be what comes out.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import t from "tap";
import { folderWith, mainPath, runProcess } from "../support/run-lintel.js";
import { missing } from "../interop/debian.js";
import { type ManagedBy, startUp, type Service } from "../support/service.js";
import { repositoryRoot } from "../support/source-module.js";

const page = readFileSync(join(repositoryRoot, "README.md"), "utf8");
const blocks = (language: string): string[] => [...page.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "gms"))].map(([, text = ""]) => text);
const skip = missing("curl", ["bash", "-c", "command -v curl"]);
/** A hundred processes of curl, and whatever else the machine is doing. */
const timeoutMs = 90_000;

/** `npx lintel` is this build, and curl shows no progress, as on a terminal. */
const prelude = `npx() { shift; "${process.execPath}" "${mainPath}" "$@"; }\ncurl() { command curl -sS "$@"; }\n`;

/** Runs a block's commands, the lines that begin with "$ ", and returns what is shown under them and what came out. */
async function run(block: string, service: Service & ManagedBy, cwd: string): Promise<{ readonly shown: string; readonly printed: string }> {
  const lines = block.split("\n");
  const here = (text: string): string => text.replaceAll("http://127.0.0.1:8080", service.url).replaceAll("http://127.0.0.1:9901", service.adminUrl);
  const commands = lines.filter((line) => line.startsWith("$ ")).map((line) => here(line.slice(2)));
  const env = { LINTEL_URL: service.url, LINTEL_ADMIN: service.adminUrl, LINTEL_MANAGER: service.manager };
  const { stdout } = await runProcess("bash", ["-c", `exec 2>&1\n${prelude}${commands.join("\n")}`], { cwd, env });
  return { shown: lines.filter((line) => !line.startsWith("$ ")).join("\n"), printed: stdout };
}

void t.test("the README's first minute: curl and lintel lint show what it says", { skip, timeout: timeoutMs }, async (t) => {
  // The three that it shows; that all of them start is up.test.ts's to say.
  const builtin = (name: string): string => `  ${name}: { versions: [{ version: "1", run: { builtin: ${name}, threads: 1 } }] }\n`;
  const service = await startUp(t, { config: `languages:\n${["python", "typescript", "json"].map(builtin).join("")}` });
  const { path, remove } = folderWith({});
  t.teardown(remove);
  for (const block of blocks("console").slice(0, 2)) {
    const { shown, printed } = await run(block, service, path);
    t.equal(printed, shown);
  }
});

void t.test("the README's second version gets its share, and a mistake in the file is told as it says", { skip, timeout: timeoutMs }, async (t) => {
  const [config = ""] = blocks("yaml");
  const service = await startUp(t, { config, shards: 2 });
  const cwd = dirname(service.configPath);
  writeFileSync(join(cwd, "try.py"), "import os\n\nprint(nmae)\n");
  const [share = "", half = "", mistake = "", ...more] = blocks("console").slice(2);
  t.same(more, [], "these are all");

  const { shown, printed } = await run(share, service, cwd);
  const withoutCounts = (text: string): string => text.replace(/ \d+$/gm, "");
  t.equal(withoutCounts(printed), withoutCounts(shown));
  const countsOf = (text: string): number[] => [...text.matchAll(/ (\d+)$/gm)].map(([count]) => Number(count));
  const [stable = 0, next = 0] = countsOf(printed);
  t.same([stable + next, ...countsOf(shown)], [100, 90, 10]);
  // |n - N w| < 1 + k w on each of two shards: k = 2 versions, w = 0.1.
  t.ok(Math.abs(next - 10) < 2.4, `${next} of 100`);

  const halved = await run(half, service, cwd);
  t.equal(halved.printed, halved.shown);

  writeFileSync(service.configPath, config.replace("weight: 10", "weigth: 10"));
  const told = await run(mistake, service, cwd);
  t.equal(told.printed.replaceAll(`${cwd}/`, ""), told.shown);
});
