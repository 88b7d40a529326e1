// scripts/setup.mjs in a small checkout of its own, whose lintel and build script are stand-ins: what is held here is
// when it installs, compiles and refuses, and that signals and exit codes pass through it.
import { spawn } from "node:child_process";
import { readdirSync, readFileSync, rmSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { Linter } from "eslint";
import t, { type Test } from "tap";
import { folderWith, mainPath, runProcess, type LintelRun } from "../support/run-lintel.js";
import { repositoryRoot } from "../support/source-module.js";
import { waitUntil } from "../support/wait-until.js";

const lintelStandIn = `
process.on("SIGTERM", () => process.exit(3));
process.on("SIGINT", () => process.exit(4));
// Said last: whoever reads it may send a signal at once.
process.stdout.write("lintel " + process.pid + "\\n");
if (process.argv[2] === "stay") setInterval(() => undefined, 1_000);
else process.exitCode = 7;
`;
const buildStandIn = `
import { mkdirSync, writeFileSync } from "node:fs";
mkdirSync("dist/src", { recursive: true });
writeFileSync("dist/src/main.js", ${JSON.stringify(lintelStandIn)});
writeFileSync("dist/.tsbuildinfo", "");
`;

/** A checkout that is installed and compiled: its sources are an hour old. */
function checkout(t: Test, build = "node build.mjs"): string {
  const { path, remove } = folderWith({
    "package.json": JSON.stringify({ name: "lintel", version: "0.1.0", type: "module", scripts: { build } }),
    "package-lock.json": JSON.stringify({ name: "lintel", version: "0.1.0", lockfileVersion: 3, requires: true, packages: { "": { name: "lintel", version: "0.1.0" } } }),
    "tsconfig.json": "{}",
    "build.mjs": buildStandIn,
    "scripts/setup.mjs": readFileSync(join(repositoryRoot, "scripts/setup.mjs")),
    "src/clock.ts": "",
    "src/base/random.ts": "",
    "dist/src/main.js": lintelStandIn,
    "dist/.tsbuildinfo": "",
    "node_modules/.package-lock.json": "{}",
  });
  t.teardown(remove);
  for (const name of ["package-lock.json", "tsconfig.json", "scripts", "src"]) age(join(path, name), 60);
  return path;
}

/** Makes a file, or a folder with all that is in it, so old. */
function age(path: string, minutes: number): void {
  if (statSync(path).isDirectory()) for (const name of readdirSync(path)) age(join(path, name), minutes);
  const time = new Date(Date.now() - minutes * 60_000);
  utimesSync(path, time, time);
}

function setup(cwd: string, args: readonly string[] = [], nodeFlags: readonly string[] = []): Promise<LintelRun> {
  return runProcess(process.execPath, [...nodeFlags, "scripts/setup.mjs", ...args], { cwd });
}

const installing = "lintel: installing dependencies into node_modules/ (npm ci), which takes about half a minute …\n";
const compiling = "lintel: compiling into dist/ (npm run build) …\n";
const upToDate = "lintel: dist/ is up to date\n";

void t.test("a checkout that is up to date goes straight on, with its arguments and exit code", async (t) => {
  const cwd = checkout(t);
  const alone = await setup(cwd);
  t.same([alone.code, alone.stderr], [0, upToDate]);
  const run = await setup(cwd, ["check", "lintel.yaml"]);
  t.same([run.code, run.stderr], [7, "lintel: starting: lintel check lintel.yaml\n"]);
  t.match(run.stdout, /^lintel \d+\n$/);
});

void t.test("it installs when the lockfile is newer than what is installed", async (t) => {
  const cwd = checkout(t);
  rmSync(join(cwd, "node_modules"), { recursive: true });
  const { code, stderr } = await setup(cwd);
  t.equal(code, 0);
  t.ok(stderr.startsWith(installing), stderr);
  t.ok(stderr.endsWith(upToDate), stderr);
});

void t.test("it compiles when a source is newer or gone, or the output is not there", async (t) => {
  const cwd = checkout(t);
  const steps: readonly [why: string, change: () => void][] = [
    ["a source is newer", () => age(join(cwd, "src/base/random.ts"), 10)],
    ["a source is gone", () => rmSync(join(cwd, "src/base/random.ts"))],
    ["the output is not there", () => rmSync(join(cwd, "dist/src"), { recursive: true })],
  ];
  for (const [why, change] of steps) {
    age(join(cwd, "src"), 60);
    age(join(cwd, "dist/.tsbuildinfo"), 30);
    change();
    const { code, stderr } = await setup(cwd);
    t.same([code, stderr], [0, compiling + upToDate], why);
  }
});

void t.test("what the person at the terminal can mend gets one sentence and exit code 2", async (t) => {
  const noLockfile = checkout(t);
  rmSync(join(noLockfile, "package-lock.json"));
  const withoutLockfile = await setup(noLockfile, ["up"]);
  t.equal(withoutLockfile.code, 2);
  t.match(withoutLockfile.stderr, /^lintel: package-lock\.json is missing in .*; bring it back .*\n$/);

  const noSource = checkout(t);
  rmSync(join(noSource, "src"), { recursive: true });
  const withoutSource = await setup(noSource, ["up"]);
  t.equal(withoutSource.code, 2);
  t.match(withoutSource.stderr, /^lintel: the folder src\/ is missing in .*\n$/);

  const broken = checkout(t, "node -e 'process.exit(9)'");
  age(join(broken, "dist/.tsbuildinfo"), 90);
  const unbuilt = await setup(broken, ["up"]);
  t.equal(unbuilt.code, 2);
  t.match(unbuilt.stderr, /lintel: "npm run --silent build" failed \(exit code 9\); its messages are above\.\n$/);
});

/** Flags with which Node says to be another one. */
const pretending = (version: string): readonly string[] => ["--import", `data:text/javascript,Object.defineProperty(process.versions,"node",{value:"${version}"})`];
const tooOldOrNew = ["12.22.9", "18.20.8", "20.18.3", "23.1.0", "24.0.0"];
const goodEnough = ["20.19.0", "21.0.0", "22.99.0"];

void t.test("Node must be one that runs everything: for both commands of the README, and for lintel itself", async (t) => {
  const cwd = checkout(t);
  for (const version of tooOldOrNew) {
    const sentence = `lintel: this is Node ${version}, but Lintel needs Node 20.19 or newer, up to 22; install one of those and run the command again.\n`;
    const { code, stderr } = await setup(cwd, ["up"], pretending(version));
    t.same([code, stderr], [2, sentence]);
    const lintel = await runProcess(process.execPath, [...pretending(version), mainPath, "up", "--config", "none.yaml"], { cwd });
    t.same([lintel.code, lintel.stdout, lintel.stderr], [2, "", sentence]);
  }
  for (const version of goodEnough) {
    const { code } = await setup(cwd, [], pretending(version));
    t.equal(code, 0, version);
    t.match(await runProcess(process.execPath, [...pretending(version), mainPath, "--version"], { cwd }), { code: 0, stderr: "" }, version);
  }
});

void t.test("what looks at Node's version is what an old one reads", (t) => {
  const linter = new Linter();
  const faultsOf = (code: string): readonly string[] => linter.verify(code, { languageOptions: { ecmaVersion: 2020, sourceType: "module" }, rules: { "no-restricted-syntax": ["error", "ChainExpression", "LogicalExpression[operator='??']"] } }).map(({ message, line }) => `${line}: ${message}`);
  const checked = ["scripts/setup.mjs", "dist/src/main.js", "dist/src/commands/supported-node.js"];
  for (const file of checked) t.same(faultsOf(readFileSync(join(repositoryRoot, file), "utf8")), [], file);
  for (const newer of ["a ?? b;", "a?.b;", "a ??= b;", "await a;", "class A { #a; }"]) t.equal(faultsOf(newer).length, 1, newer);
  t.end();
});

void t.test("signals reach lintel, and so does the end of the npm that started it", { skip: process.platform === "win32" }, async (t) => {
  const cwd = checkout(t);
  const alive = (pid: number): boolean => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  const started = async (command: string, args: readonly string[], env: Readonly<Record<string, string>>) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "ignore"] });
    let stdout = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
    await waitUntil("lintel starts", () => stdout.includes("\n"));
    return { child, ended, lintel: Number(stdout.split(/\s/)[1]) };
  };
  for (const [signal, code] of [["SIGTERM", 3], ["SIGINT", 4]] as const) {
    const { child, ended } = await started(process.execPath, ["scripts/setup.mjs", "stay"], {});
    child.kill(signal);
    t.equal(await ended, code, signal);
  }
  // As npm does it: a shell in between, which is all that SIGTERM reaches.
  const { child, ended, lintel } = await started("sh", ["-c", `"${process.execPath}" scripts/setup.mjs stay; exit $?`], { npm_lifecycle_event: "start" });
  child.kill("SIGTERM");
  await ended;
  await waitUntil("lintel notices and ends", () => !alive(lintel));
  t.pass("and lintel ended all the same");
});
