// A program that means harm: it forks without end, fills the disk, reaches for what is outside. It is stopped, the request gets a typed
// error, and the next request is served. Real processes; what only a sandbox can keep is tried where bubblewrap works.
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import t, { type Test } from "tap";
import { bytesBelow, processesOf } from "../../src/linter/analyzers/command/consumption.js";
import { missing } from "../interop/debian.js";
import { runLintel } from "../support/run-lintel.js";
import { startLinter, until, type LinterProcess } from "../support/linter-process.js";

const folder = mkdtempSync(join(tmpdir(), "lintel-confinement-test-"));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

/** A shell script that does what the source says, in a folder of its own: a sandbox shows a program its folder. */
async function harmful(t: Test, flags: readonly string[], cases: Readonly<Record<string, string>>): Promise<LinterProcess> {
  const own = mkdtempSync(join(folder, "program-"));
  const body = Object.entries(cases).map(([word, what]) => `${word}) ${what} ;;`).join("\n");
  writeFileSync(join(own, "harmful"), `#!/bin/sh\nread -r word\ncase "$word" in\n${body}\n*) echo "x:1:1: fine" ;;\nesac\n`);
  chmodSync(join(own, "harmful"), 0o755);
  const worker = await startLinter("anything", "--analysis-timeout-ms", "20000", "--threads", "1", ...flags, "--", join(own, "harmful"));
  t.teardown(() => worker.stop());
  return worker;
}

const linux = process.platform === "linux" ? false : "processes are counted in /proc";

void t.test("one that forks without end or fills the disk is stopped with all it started, its files are gone, and the next request is served", { skip: linux }, async (t) => {
  const [pids, cwd] = [join(folder, "pids"), join(folder, "cwd")];
  // An end after all, for the machine's sake, should it not be stopped.
  const { client } = await harmful(t, ["--program-processes-max", "20", "--program-disk-bytes-max", "8MiB"], {
    fork: `echo $$ > ${pids}; i=0; while [ $i -lt 3000 ]; do sleep 1000 & i=$((i+1)); done; wait`,
    large: `pwd > ${cwd}; i=0; while [ $i -lt 400 ]; do head -c 1000000 /dev/zero >> file; i=$((i+1)); done; sleep 1000`,
    many: "mkdir -p a/b; i=0; while [ $i -lt 30000 ]; do echo x > a/b/$i; i=$((i+1)); done; sleep 1000",
  });
  const startedMs = performance.now();
  t.match(await client.failure({ source: "fork\n" }), { code: status.ABORTED, details: "harmful started more than 20 processes and was killed." });
  t.ok(performance.now() - startedMs < 15_000, "long before its time is up");
  await until("all are gone", () => processesOf(Number(readFileSync(pids, "utf8"))) === 0);

  const tooMuch = { code: status.ABORTED, details: `harmful took more than ${8 * 1024 * 1024} bytes of the disk and was killed.` };
  t.match(await client.failure({ source: "large\n" }), tooMuch);
  await until("its folder to be gone", () => !existsSync(readFileSync(cwd, "utf8").trim()));
  t.match(await client.failure({ source: "many\n" }), tooMuch);
  t.match((await client.report({ source: "ok\n" })).diagnostics, [{ message: "fine" }]);
});

void t.test("room on the disk is what files take; too many files to count are too many", (t) => {
  const place = mkdtempSync(join(folder, "count-"));
  t.equal(bytesBelow(place), 0);
  writeFileSync(join(place, "a"), Buffer.alloc(100_000, 1));
  const bytes = bytesBelow(place);
  t.ok(bytes >= 100_000 && bytes < 200_000, `${bytes}`);
  t.equal(bytesBelow(join(place, "none")), 0, "what is gone takes nothing");
  for (let count = 0; count < 9; count++) writeFileSync(join(place, String(count)), "");
  t.ok(bytesBelow(place, 10) < Infinity);
  t.equal(bytesBelow(place, 9), Infinity);
  t.end();
});

const skipSandbox = missing("bubblewrap", ["bwrap", "--version"]) || (spawnSync("bwrap", ["--ro-bind", "/", "/", "--unshare-all", "true"]).status !== 0 && "namespaces are not allowed here");

void t.test("in a sandbox one reaches nothing outside: no file, no network, no process that stays", { skip: skipSandbox }, async (t) => {
  const secrets = mkdtempSync(join(folder, "secrets-"));
  const secret = join(secrets, "key");
  writeFileSync(secret, "the secret\n");
  const { client } = await harmful(t, ["--sandbox"], {
    read: `cat ${secret} || exit 3`,
    write: `echo x > ${secrets}/planted || exit 3`,
    system: "echo x >> /etc/passwd || exit 3",
    home: `echo "x:1:1: $(ls -A ${homedir()} | wc -l) files at home, $(ls /tmp | wc -l) folder in /tmp"`,
    own: 'echo x > here && echo "x:1:1: $(cat here; ls | wc -l)"',
    network: 'echo "x:1:1: $(grep -c : /proc/net/dev) interface, $(grep -c . /proc/net/route) line of routes"',
    processes: 'echo "x:1:1: $(ls -d /proc/[0-9]* | wc -l)"',
    stay: 'setsid sh -c "exec -a lintel-confinement-stays sleep 777123" > /dev/null 2>&1 & sleep 0.2; echo "x:1:1: left"',
    full: "head -c 30000000 /dev/zero > /tmp/file || exit 3",
  });
  const messageOf = async (source: string): Promise<string> => (await client.report({ source })).diagnostics.map(({ message }) => message).join();
  t.match(await client.failure({ source: "read\n" }), { code: status.INTERNAL, details: /harmful ended with exit code 3 and no output that can be read; it said: cat: .*: No such file/ });
  t.match(await client.failure({ source: "write\n" }), { code: status.INTERNAL, details: /(nonexistent|No such)/ });
  t.same(readdirSync(secrets), ["key"], "nothing was written");
  t.match(await client.failure({ source: "system\n" }), { code: status.INTERNAL, details: /Read-only file system|Permission denied/ });
  t.match(await messageOf("home\n"), /^0 files at home, [12] folder in \/tmp$/);
  t.match(await messageOf("own\n"), /^x\s*$|^x\s*1/);
  t.equal(await messageOf("network\n"), "1 interface, 1 line of routes", "loopback, and no way out");
  t.ok(Number(await messageOf("processes\n")) < 10, "it sees itself alone");
  t.equal(await messageOf("stay\n"), "left");
  t.match(await client.failure({ source: "full\n" }), { code: status.INTERNAL, details: /No space left/ });
  const staying = (): boolean => readdirSync("/proc").filter((name) => /^\d+$/.test(name)).some((pid) => spawnSync("grep", ["-qs", "777123", `/proc/${pid}/cmdline`]).status === 0 && !readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith("grep"));
  t.notOk(staying(), "a session of its own keeps nothing alive");
});

void t.test("a sandbox that cannot be had is a reason not to start", async (t) => {
  const own = mkdtempSync(join(folder, "bin-"));
  // What bubblewrap says where namespaces are not allowed.
  writeFileSync(join(own, "bwrap"), "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n");
  chmodSync(join(own, "bwrap"), 0o755);
  const start = (path: string) => runLintel(["linter", "anything", "--listen", "127.0.0.1:0", "--sandbox", "--", "/bin/true"], { env: { PATH: path } });
  t.match(await start(own), { code: 2, stderr: /bubblewrap cannot make a sandbox here: bwrap: No permissions to create new namespace\. It needs/ });
  t.match(await start(emptyFolder()), { code: 2, stderr: /The program "bwrap" cannot be run: it is in no folder of PATH/ });
});

/** A search path with nothing in it. */
function emptyFolder(): string {
  return mkdtempSync(join(folder, "empty-"));
}
