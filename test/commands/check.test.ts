import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import t from "tap";
import { fullFile, pythonFile, repository, repositoryText } from "../support/configuration-files.js";

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const program = fileURLToPath(new URL("dist/src/main.js", repository));

/** Runs `lintel check` as an operator would. */
function check(cwd: string, args: readonly string[]): Promise<Ended> {
  return end(spawn(process.execPath, [program, "check", ...args], { cwd, timeout: 20_000 }));
}

async function end(child: ChildProcessWithoutNullStreams): Promise<Ended> {
  const code = new Promise<number | null>((resolve) => child.on("close", resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, stdout, stderr };
}

void t.test("lintel check", (t) => {
  t.jobs = 2;
  const directory = t.testdir({
    "full.yaml": fullFile,
    "workers.yaml": pythonFile(1, 2),
    "bad.yaml": "shards: 0\nlanguages:\n  python:\n    versions:\n      - verison: '1'\n",
    "warned.yaml": "admin: { listen: '[::]:9901' }\n" + pythonFile(1),
  });

  void t.test("says on one line what a valid file holds", async (t) => {
    t.same(await check(directory, ["full.yaml"]), { code: 0, stdout: "full.yaml is valid: 3 languages (python, shell, c++), 4 versions, 3 workers by address, 3 workers to start\n", stderr: "" });
    t.same(await check(directory, ["workers.yaml", "--for", "balancer"]), { code: 0, stdout: "workers.yaml is valid: 1 language (python), 1 version, 2 workers by address\n", stderr: "" });
  });

  void t.test("prints every problem on standard error and ends with 2", async (t) => {
    t.same(await check(directory, ["bad.yaml"]), {
      code: 2, stdout: "",
      stderr: [
        "bad.yaml:1:9: shards: found the number 0, expected auto or a whole number from 1 to 256",
        'bad.yaml:5:9: languages.python.versions[0].version: missing; expected a version in quotes, such as "0.17.3"',
        'bad.yaml:5:9: languages.python.versions[0].verison: unknown key; did you mean "version"?',
        "",
      ].join("\n"),
    });
  });

  void t.test("prints warnings of a valid file", async (t) => {
    const { code, stderr, stdout } = await check(directory, ["warned.yaml"]);
    t.match(stderr, /^warning: warned\.yaml:1:10: admin\.listen: \[::\]:9901 is not a loopback address; .*\n$/);
    t.match({ code, stdout }, { code: 0, stdout: /^warned\.yaml is valid: / });
  });

  void t.test("refuses for a balancer what only `lintel up` can use", async (t) => {
    const { code, stderr } = await check(directory, ["full.yaml", "--for", "balancer"]);
    t.equal(code, 2);
    t.match(stderr, /^full\.yaml:\d+:9: languages\.python\.versions\[1\]\.run: a balancer does not start linters; .*\nfull\.yaml:\d+:9: languages\.shell\.versions\[0\]\.run: .*\n$/);
  });

  void t.test("names a file that cannot be read", async (t) => {
    t.same(await check(directory, ["none.yaml"]), { code: 2, stdout: "", stderr: "none.yaml: there is no such file\n" });
    t.same(await check(directory, ["."]), { code: 2, stdout: "", stderr: ".: this is a directory; expected the configuration file itself\n" });
    t.match(await check(directory, []), { code: 2, stderr: /^lintel: no file given; / });
  });

  void t.test("reads a pipe", async (t) => {
    const ended = await end(spawn("sh", ["-c", 'cat workers.yaml | "$0" "$1" check /dev/stdin', process.execPath, program], { cwd: directory }));
    t.match(ended, { code: 0, stdout: /is valid: 1 language/, stderr: "" });
  });

  void t.test("prints the result as JSON for tools", async (t) => {
    const good = await check(directory, ["workers.yaml", "-o", "json"]);
    t.same(JSON.parse(good.stdout), { file: "workers.yaml", valid: true, problems: [], warnings: [], contents: { languages: ["python"], versions: 1, workersByAddress: 2, workersToStart: 0 } });
    const bad = await check(directory, ["bad.yaml", "-o", "json"]);
    t.match({ code: bad.code, ...(JSON.parse(bad.stdout) as object) }, { code: 2, valid: false, problems: [{ file: "bad.yaml", line: 1, column: 9, path: "shards" }, {}, { suggestion: "version" }] });
    t.equal(bad.stderr, "");
  });

  void t.test("prints the published JSON Schema", async (t) => {
    t.same(await check(directory, ["--schema"]), { code: 0, stdout: repositoryText("docs/lintel.schema.json"), stderr: "" });
  });
  t.end();
});
