import { spawn } from "node:child_process";
import { join } from "node:path";
import t, { type Test } from "tap";
import { folderWith, mainPath, runLintel } from "../support/run-lintel.js";
import { sampleSource } from "../support/sample-reports.js";

interface Up {
  /** The address users connect to. */
  readonly url: string;
  /** Ctrl-C's gentler sister; the exit code. */
  readonly stop: () => Promise<number | null>;
}

/** Three of the built-in linters: each is a process, and the machine is small. */
const configuration = ["python", "typescript", "json"].map((builtin) => `  ${builtin}:\n    versions: [{ version: "1", weight: 1, run: { builtin: ${builtin}, workers: 1 } }]\n`);

/** `lintel up` on ports of its own. */
async function up(t: Test): Promise<Up> {
  const folder = folderWith({ "lintel.yaml": `languages:\n${configuration.join("")}` });
  t.teardown(folder.remove);
  const child = spawn(process.execPath, [mainPath, "up", "--config", join(folder.path, "lintel.yaml"), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--manager", "127.0.0.1:0", "--shards", "1"], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  const stopped = new Promise<number | null>((resolve) => child.on("close", resolve));
  const stop = (): Promise<number | null> => {
    child.kill("SIGTERM");
    return stopped;
  };
  t.teardown(stop);
  return new Promise((resolve, reject) => {
    const read = (text: string): void => {
      output += text;
      const url = /ready at (http:\/\/\S+)/.exec(output)?.[1];
      if (url !== undefined) resolve({ url, stop });
    };
    child.stdout.setEncoding("utf8").on("data", read);
    child.stderr.setEncoding("utf8").on("data", read);
    void stopped.then((code) => reject(new Error(`lintel up ended with ${String(code)}:\n${output}`)));
  });
}

interface Sarif {
  runs: { tool: { driver: { name: string } }; results: { ruleId: string; locations: { physicalLocation: { artifactLocation: { uri: string }; region: { startLine: number; startColumn: number } } }[] }[] }[];
}

void t.test("real files through the real service", async (t) => {
  const { url, stop } = await up(t);
  const folder = folderWith({
    "src/greet.py": sampleSource("greet.py"),
    "src/sum.ts": sampleSource("sum.ts"),
    "src/broken.json": sampleSource("broken.json"),
    "src/clean.py": "print(1)\n",
    "src/notes.md": "",
  });
  t.teardown(folder.remove);
  const lint = (...args: string[]) => runLintel(["lint", "--url", url, ...args], { cwd: folder.path });

  // One after the other: on a busy machine, analyses side by side would meet their time limit.
  const text = await lint(".");
  const clean = await lint("src/clean.py");
  const sarif = await lint("src", "--format", "sarif");
  const rdjson = await lint("src/greet.py", "--format", "rdjson");
  const unknown = await lint("src/notes.md");
  const options = await lint("src/greet.py", "--options", '{"nonsense":true}');

  t.equal(text.code, 1, text.stderr);
  t.equal(text.stderr, "");
  t.match(text.stdout, /^src\/greet\.py:1:8: \w+ F401 .*os.* imported but unused$/m);
  t.match(text.stdout, /^src\/greet\.py:6:23: \w+ F821 /m, "columns are UTF-16 code units");
  t.match(text.stdout, /^src\/sum\.ts:\d+:\d+: \w+ \S+ /m);
  t.match(text.stdout, /^src\/broken\.json:3:\d+: error \S+ .+/m);
  const names = text.stdout.split("\n").slice(0, -1).map((line) => line.split(":")[0]);
  t.same(names, [...names].sort(), "sorted by file");
  t.same([clean.code, clean.stdout, clean.stderr], [0, "", ""]);

  const runs = (JSON.parse(sarif.stdout) as Sarif).runs;
  const places = runs.flatMap(({ results }) => results).map(({ ruleId, locations }) => [ruleId, locations[0]!.physicalLocation] as const);
  t.equal(places.length, names.length, "both formats have the same findings");
  t.ok(places.some(([rule, { artifactLocation, region }]) => rule === "F821" && artifactLocation.uri === "src/greet.py" && region.startLine === 6 && region.startColumn === 23));

  const reply = await fetch(`${url}/v1/lint/python?filename=src/greet.py`, { method: "POST", body: sampleSource("greet.py"), headers: { accept: "application/vnd.reviewdog.rdjson+json" } });
  t.equal(await reply.text(), rdjson.stdout, "the service renders what the command renders");

  t.equal(unknown.code, 2);
  t.match(unknown.stderr, /^lintel: src\/notes\.md: no language here has this extension; the languages are: .*python \(\.py/);
  t.equal(options.code, 2);
  t.match(options.stderr, /^lintel: src\/greet\.py: .+ \(422 rejected, request \S+\)\.\n$/);
  t.equal(await stop(), 0, "and it stops cleanly");
});
