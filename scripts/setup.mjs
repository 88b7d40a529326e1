// Brings a checkout to the point where `dist/` can run: checks Node, installs when the lockfile changed, compiles
// when a source changed. `node scripts/setup.mjs` does that alone; with arguments it goes on to run lintel with them.
// Plain JavaScript without dependencies: it runs before anything is installed.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";

const root = fileURLToPath(new URL("..", import.meta.url));
const say = (text) => console.error(`lintel: ${text}`);

/** One clear sentence and exit code 2: the person at the terminal can mend it. */
function refuse(sentence) {
  say(sentence);
  process.exit(2);
}

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19) || major > 22) {
  refuse(`this is Node ${process.versions.node}, but Lintel needs Node 20.19 or newer, up to 22; install one of those and run the command again.`);
}

function runStep(what, command, args) {
  say(what);
  const result = spawnSync(command, args, { cwd: root, stdio: ["ignore", 2, 2] });
  if (result.error !== undefined) refuse(`could not run ${command}: ${result.error.message}`);
  if (result.status !== 0) refuse(`"${command} ${args.join(" ")}" failed with exit code ${result.status}; its messages are above.`);
}

const mtime = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);

function newestIn(folder) {
  let newest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    newest = Math.max(newest, entry.isDirectory() ? newestIn(path) : mtime(path));
  }
  return newest;
}

if (!existsSync(join(root, "package-lock.json"))) refuse(`package-lock.json is missing in ${root}; clone the repository again.`);
if (mtime(join(root, "node_modules/.package-lock.json")) < mtime(join(root, "package-lock.json"))) {
  runStep("installing dependencies (npm ci) …", "npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
}
const sources = Math.max(...["src", "test", "bench", "scripts"].filter((name) => existsSync(join(root, name))).map((name) => newestIn(join(root, name))), mtime(join(root, "tsconfig.json")));
if (mtime(join(root, "dist/.tsbuildinfo")) < sources) {
  runStep("compiling (npm run build) …", "npm", ["run", "--silent", "build"]);
}

const args = process.argv.slice(2);
if (args.length > 0) {
  say(`starting: lintel ${args.join(" ")}`);
  const child = spawn(process.execPath, [join(root, "dist/src/main.js"), ...args], { stdio: "inherit" });
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  // Ctrl-C reaches the whole foreground group by itself: only stay until lintel has stopped.
  process.on("SIGINT", () => undefined);
  child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 143)));
}
