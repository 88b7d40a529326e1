// Brings a checkout to the point where `dist/` can run: checks Node, installs when the lockfile changed, compiles
// when a source changed. `node scripts/setup.mjs` does that alone; with arguments it goes on to run lintel with them.
// Plain JavaScript without dependencies: it runs before anything is installed. And such as Node 12 reads, which is what some
// distributions still install: an older Node is told what is needed, instead of what it cannot parse.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";

const root = fileURLToPath(new URL("..", import.meta.url));
const mainFile = join(root, "dist/src/main.js");
const say = (text) => console.error(`lintel: ${text}`);

checkNode();
install();
compile();
const args = process.argv.slice(2);
if (args.length > 0) run(args);
else say("dist/ is up to date");

/** One clear sentence and exit code 2: the person at the terminal can mend it. */
function refuse(sentence) {
  say(sentence);
  process.exit(2);
}

function checkNode() {
  const { node } = process.versions;
  const [major = 0, minor = 0] = node.split(".").map(Number);
  if (major > 20 ? major < 23 : major === 20 && minor >= 19) return;
  refuse(`this is Node ${node}, but Lintel needs Node 20.19 or newer, up to 22; install one of those and run the command again.`);
}

function install() {
  const lockFile = join(root, "package-lock.json");
  if (!existsSync(lockFile)) refuse(`package-lock.json is missing in ${root}; bring it back (git checkout package-lock.json), or clone the repository again.`);
  // npm writes this one last: an installation that was interrupted is not there.
  if (mtime(join(root, "node_modules/.package-lock.json")) >= mtime(lockFile)) return;
  runStep("installing dependencies into node_modules/ (npm ci), which takes about half a minute …", "npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
}

function compile() {
  if (!existsSync(join(root, "src"))) refuse(`the folder src/ is missing in ${root}; clone the repository again.`);
  const folders = ["src", "test", "bench", "web", "scripts"].filter((name) => existsSync(join(root, name)));
  const newest = Math.max(mtime(join(root, "tsconfig.json")), ...folders.map((name) => newestIn(join(root, name))));
  if (existsSync(mainFile) && mtime(join(root, "dist/.tsbuildinfo")) >= newest) return;
  runStep("compiling into dist/ (npm run build) …", "npm", ["run", "--silent", "build"]);
}

function runStep(what, command, args) {
  say(what);
  const result = spawnSync(command, args, { cwd: root, stdio: ["ignore", 2, 2], shell: process.platform === "win32" });
  if (result.error !== undefined) refuse(`could not run ${command}: ${result.error.message}`);
  if (result.status !== 0) refuse(`"${command} ${args.join(" ")}" failed (${result.signal === null ? `exit code ${result.status}` : result.signal}); its messages are above.`);
}

function mtime(path) {
  return existsSync(path) ? statSync(path).mtimeMs : 0;
}

/** A folder's own time, too: it changes when a file in it is removed. */
function newestIn(folder) {
  let newest = mtime(folder);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    newest = Math.max(newest, entry.isDirectory() ? newestIn(path) : mtime(path));
  }
  return newest;
}

/** Lintel with these arguments as a child that is told whatever we are told, and whose exit code is ours. */
function run(args) {
  say(`starting: lintel ${args.join(" ")}`);
  const child = spawn(process.execPath, [mainFile, ...args], { stdio: "inherit" });
  child.on("error", (error) => refuse(`could not run ${process.execPath}: ${error.message}`));
  child.on("exit", (code, signal) => process.exit(code === null ? (signal === "SIGINT" ? 130 : 143) : code));
  let told = false;
  const tell = (signal) => {
    if (signal !== "SIGHUP") told = true;
    child.kill(signal);
  };
  // Ctrl-C reaches the child from the terminal as well; lintel takes two within half a second for one.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, tell);
  if (process.env.npm_lifecycle_event === undefined) return;
  // Under npm a shell stands between npm and us. SIGTERM ends npm and that shell, and reaches nobody else.
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent && !told) tell("SIGTERM");
  }, 250).unref();
}
