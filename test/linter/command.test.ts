/** A worker that runs programs: real processes, real output, and nothing left behind. */
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import t from "tap";
import { schemaErrors } from "../support/report-schema.js";
import { startLinter, until, type LinterProcess } from "../support/linter-process.js";

const folder = mkdtempSync(join(tmpdir(), "lintel-command-test-"));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

/** An executable shell script. */
function script(name: string, body: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}

async function withProgram(flags: readonly string[], program: readonly string[], use: (worker: LinterProcess) => Promise<void>): Promise<void> {
  const worker = await startLinter("anything", ...flags, "--", ...program);
  try {
    await use(worker);
  } finally {
    await worker.stop();
  }
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(" ")[2] !== "Z";
  } catch {
    return false;
  }
};

void t.test("the source is on standard input, the findings on standard output, the self-test is an empty file", (t) =>
  withProgram(["--as-version", "1.2"], [script("todo", "grep -n TODO | sed 's/:.*/:1: warning: there is something to do [todo]/; s/^/stdin:/'")], async ({ client }) => {
    const report = await client.report({ source: "a\nb # TODO\n", filename: "x.sh" });
    t.equal(schemaErrors(report), "");
    t.strictSame(report.linter, { name: "todo", version: "1.2" });
    t.match(report.diagnostics, [{ rule: "todo", message: "there is something to do", range: { start: { line: 2, column: 1 } } }]);
    const { selfTest } = await client.describe();
    t.equal(selfTest?.source.length, 0);
    t.match(await client.failure({ source: "", options: { a: 1 } }), { code: status.INVALID_ARGUMENT, details: /takes no options/ });
  }),
);

void t.test("{file} is a file with the user's ending and no other part of the name, whose path stays out of the report", (t) =>
  withProgram([], [script("file", 'echo "$1:1:1: error: $(basename "$1") has $(wc -c < "$1") bytes in $(ls | wc -l) file; args $#"; exit 1'), "{file}", "a b;$(id)"], async ({ client }) => {
    const [found] = (await client.report({ source: "12345", filename: "../../etc/.eslintrc.js" })).diagnostics;
    t.match(found?.message, /^input\.js has 5 bytes in 1 file; args 2$/);
    t.match((await client.report({ source: "", filename: "Makefile" })).diagnostics[0]?.message, /^input has 0 bytes/);
    const { selfTest } = await client.describe();
    t.ok(selfTest, "the path of the file is different every time, the report is not");
  }),
);

void t.test("the environment is clean: a search path, a language, an empty home", async (t) => {
  process.env["LINTEL_TEST_SECRET"] = "secret";
  await withProgram([], [script("env", 'env | sed "s/.*/x:1:1: &/"; echo "x:1:1: HOME HAS $(ls -A "$HOME" | wc -l)"')], async ({ client }) => {
    const messages = (await client.report({ source: "" })).diagnostics.map((one) => one.message);
    t.notMatch(messages.join("\n"), /secret|NODE/);
    t.ok(messages.some((one) => one.startsWith("PATH=")));
    t.ok(messages.includes("LANG=C.UTF-8"));
    t.ok(messages.includes("HOME HAS 0"));
  });
  delete process.env["LINTEL_TEST_SECRET"];
});

void t.test("a program that takes too long or writes too much is killed with all it started; the next one runs", async (t) => {
  const pidFile = join(folder, "pids");
  const body = `read -r line; case "$line" in hang) sleep 1000 & echo "$! $$" > ${pidFile}; sleep 1000;; spam) yes;; *) echo "x:1:1: fine";; esac`;
  await withProgram(["--analysis-timeout-ms", "2000", "--program-output-bytes-max", "10KiB"], [script("moody", body)], async (worker) => {
    t.match(await worker.client.failure({ source: "hang\n" }), { code: status.ABORTED, details: /moody took longer than 2000 ms and was killed/ });
    const pids = readFileSync(pidFile, "utf8").trim().split(" ").map(Number);
    t.equal(pids.length, 2);
    await until("all are gone", () => !pids.some(isAlive));
    t.match(await worker.client.failure({ source: "spam\n" }), { code: status.ABORTED, details: /moody wrote more than 10240 bytes and was killed/ });
    t.match((await worker.client.report({ source: "ok\n" })).diagnostics, [{ message: "fine" }]);
    t.notMatch(worker.log(), /replaced/, "no thread had to go for that");
  });
});

void t.test("a program that leaves something running behind it does not hold up its report", async (t) => {
  const pidFile = join(folder, "background-pid");
  await withProgram([], [script("fork", `sleep 1000 & echo $! > ${pidFile}; echo "x:1:1: fine"`)], async ({ client }) => {
    t.match((await client.report({ source: "" })).diagnostics, [{ message: "fine" }]);
    await until("it is gone", () => !isAlive(Number(readFileSync(pidFile, "utf8"))));
  });
});

void t.test("what goes wrong with a program is an internal error that says what", async (t) => {
  const body = 'read -r line; case "$line" in crash) kill -SEGV $$;; odd) echo "hello";; silent) exit 3;; esac';
  await withProgram([], [script("odd", body)], async ({ client }) => {
    const internal = async (source: string, details: RegExp): Promise<void> => {
      t.match(await client.failure({ source }), { code: status.INTERNAL, details });
    };
    await internal("crash\n", /odd was ended by SIGSEGV/);
    await internal("odd\n", /nothing of the form "file:line:column: message"; it said: hello/);
    await internal("silent\n", /exit code 3 and no output that can be read/);
    t.equal((await client.report({ source: "x".repeat(1_000_000) })).diagnostics.length, 0, "it need not read all of its input");
  });
});

void t.test("nothing is left behind: no folder after a stop, no program after a sudden end", async (t) => {
  const pidFile = join(folder, "orphan-pid");
  const worker = await startLinter("anything", "--analysis-timeout-ms", "60000", "--", script("slow", `read -r line; case "$line" in wait) pwd > ${pidFile}.cwd; echo $$ > ${pidFile}; sleep 1000;; esac`));
  t.teardown(() => worker.stop());
  const hanging = worker.client.failure({ source: "wait\n" });
  await until("it runs", () => existsSync(pidFile) && readFileSync(pidFile, "utf8") !== "");
  const workFolder = join(readFileSync(`${pidFile}.cwd`, "utf8").trim(), "..");
  t.ok(existsSync(workFolder));
  t.equal(readdirSync(workFolder).length, 1, "the folders of finished runs are gone already");
  worker.child.kill("SIGTERM");
  await until("it is leaving", () => worker.log().includes("leaving"));
  await until("the second signal has ended it", () => !worker.child.kill("SIGTERM") || worker.child.exitCode !== null);
  t.equal(worker.child.exitCode, 1);
  await hanging;
  const pid = Number(readFileSync(pidFile, "utf8"));
  await until("the program is gone", () => !isAlive(pid));
  t.notOk(existsSync(workFolder));
});

void t.test("what a killed worker left behind is cleared away by the next one", async (t) => {
  const pidFile = join(folder, "left-pid");
  const program = script("stays", `read -r line; case "$line" in wait) pwd > ${pidFile}.cwd; echo $$ > ${pidFile}; sleep 1000;; esac`);
  const killed = await startLinter("anything", "--analysis-timeout-ms", "60000", "--", program);
  t.teardown(() => killed.stop());
  const hanging = killed.client.failure({ source: "wait\n" });
  await until("it runs", () => existsSync(pidFile) && readFileSync(pidFile, "utf8") !== "");
  const workFolder = join(readFileSync(`${pidFile}.cwd`, "utf8").trim(), "..");
  const pid = Number(readFileSync(pidFile, "utf8"));
  killed.child.kill("SIGKILL");
  await hanging;
  t.ok(existsSync(workFolder), "nobody could remove it");
  await withProgram([], [program], async ({ client }) => {
    await until("the program is gone", () => !isAlive(pid));
    t.notOk(existsSync(workFolder));
    t.equal((await client.report({ source: "x\n" })).diagnostics.length, 0, "its own folder is there");
  });
});

void t.test("shellcheck, as the example in the documentation runs it", async (t) => {
  if (spawnSync("shellcheck", ["--version"]).error !== undefined) {
    const reason = "shellcheck is not installed (Debian: apt-get install shellcheck)";
    if (process.env["LINTEL_REQUIRE_SYSTEM"] === "1") t.fail(reason);
    else t.pass(`skipped: ${reason}`);
    return;
  }
  await withProgram(["--report", "shellcheck"], ["shellcheck", "--format=json1", "--shell=sh", "-"], async ({ client }) => {
    const report = await client.report({ source: "#!/bin/sh\necho 😀 $1\n" });
    t.equal(schemaErrors(report), "");
    t.match(report.diagnostics, [{ rule: "SC2086", severity: "info", range: { start: { line: 2, column: 9 }, end: { line: 2, column: 11 } }, url: /wiki\/SC2086/ }]);
  });
});
