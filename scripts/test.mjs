// Runs compiled test files, each in a process of its own: `node scripts/test.mjs SUITE [FILE…] [--reporter=tap|terse] [--jobs=N]`.
// Through tap's library and not its command, which loads a compiler, mocks and a measuring of coverage into every process: more
// than half of what a small file takes.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { report } from "@tapjs/reporter";
import { t } from "tap";

const long = ["simulation", "fuzz", "shard/http-fuzz.test.js", "snapshot/configuration-fuzz.test.js", "balancing/cluster-simulation.test.js", "linter/parity.test.js", "linter/introductions.test.js", "scenario/readme.test.js"].map((path) => `dist/test/${path}`);
const underSystemd = ["dist/test/systemd/units.test.js", "dist/test/systemd/manager.test.js", "dist/test/systemd/readme.test.js", "dist/test/systemd/binary.test.js"];
/** Files below these folders, but for those of other suites; how many at a time; seconds that a file may take. */
const suites = {
  // A file of this suite takes some seconds, much of them waiting; the rest is patience for a machine that does other things, too.
  unit: { in: ["dist/test"], notIn: ["dist/test/chaos", "dist/test/browser", "dist/test/kubernetes", ...long, ...underSystemd], jobs: 3, timeoutSeconds: 300 },
  // What is searched from seeds, linters against their tools on hundreds of files, and what starts all of them several times.
  long: { in: long, notIn: [], jobs: 2, timeoutSeconds: 300 },
  // Minutes of real load and real faults.
  chaos: { in: ["dist/test/chaos"], notIn: [], jobs: 1, timeoutSeconds: 300 },
  // A browser from Debian.
  browser: { in: ["dist/test/browser"], notIn: [], jobs: 1, timeoutSeconds: 300 },
  // A control plane of Kubernetes.
  kubernetes: { in: ["dist/test/kubernetes"], notIn: [], jobs: 1, timeoutSeconds: 600 },
  // A systemd of its own.
  systemd: { in: underSystemd, notIn: [], jobs: 1, timeoutSeconds: 300 },
};

const { values, positionals } = parseArgs({ allowPositionals: true, options: { reporter: { type: "string", default: "terse" }, jobs: { type: "string" } } });
const [name = "unit", ...named] = positionals;
const suite = suites[name];
if (suite === undefined) {
  console.error(`there is no suite "${name}"; expected one of ${Object.keys(suites).join(", ")}`);
  process.exit(2);
}
const files = named.length > 0 ? named : filesOf(suite);
const jobs = Number(values.jobs ?? suite.jobs);

// From here on, and in each file's process, too, so that what a test starts is what users start.
const plainChildren = "./dist/test/support/plain-children.js";
await import(`.${plainChildren}`);

// Each file's own limit; the library's would be half a minute.
process.env.TAP_TIMEOUT = String(suite.timeoutSeconds);
t.jobs = jobs;
t.setTimeout(0);
if (values.reporter !== "tap") await report(values.reporter, t, { get: () => undefined });
for (const file of files) {
  const args = ["--enable-source-maps", `--import=${plainChildren}`, file];
  void t.spawn(process.execPath, args, { at: null, stack: "", name: file, externalID: file, buffered: jobs > 1, timeout: suite.timeoutSeconds * 1_000, stdio: "pipe" });
}

function filesOf({ in: folders, notIn }) {
  const below = (path) => (path.endsWith(".test.js") ? [path] : readdirSync(path, { recursive: true }).map((file) => join(path, file)));
  const isTest = (path) => path.endsWith(".test.js") && !/(^|\/)fixture/.test(path) && !notIn.some((other) => path === other || path.startsWith(`${other}/`));
  return folders.flatMap(below).filter(isTest).sort();
}
