/** Completion as whoever types sees it: the scripts in the real shells, on a terminal, with a real Tab. */
import { spawn } from "node:child_process";
import { chmodSync } from "node:fs";
import { delimiter, join } from "node:path";
import t, { type Test } from "tap";
import { missing } from "../interop/debian.js";
import { candidatesFor } from "../../src/commands/completion-candidates.js";
import type { CommandEntries } from "../../src/commands/program.js";
import { folderWith, mainPath } from "../support/run-lintel.js";
import { startUp } from "../support/service.js";
import { waitUntil } from "../support/wait-until.js";

/** How each shell starts without anybody's settings, and what a person writes into them. */
const shells = {
  bash: { start: "bash --norc --noprofile -i", load: 'eval "$(lintel completion bash)"' },
  zsh: { start: "zsh -f -i", load: 'autoload -U compinit; compinit -D -u; eval "$(lintel completion zsh)"' },
  fish: { start: "fish --no-config -i", load: "lintel completion fish | source" },
} as const;

/** Generous: three shells and their programs on a machine that runs other tests. */
const boundMs = 30_000;

interface Terminal {
  /** Sends what is typed. */
  readonly type: (text: string) => void;
  /** Resolves when what is shown since the last call matches. */
  readonly shows: (what: RegExp) => Promise<void>;
}

/** A shell on a terminal of its own, in which `lintel` is this build. */
function terminal(t: Test, start: string): Terminal {
  const folder = folderWith({ lintel: `#!/bin/sh\nexec "${process.execPath}" "${mainPath}" "$@"\n` });
  chmodSync(join(folder.path, "lintel"), 0o755);
  const env = { ...process.env, PATH: `${folder.path}${delimiter}${process.env["PATH"] ?? ""}`, TERM: "xterm", HOME: folder.path, LINTEL_MANAGER: "" };
  const child = spawn("script", ["-qfec", `stty cols 160 rows 50; exec ${start}`, "/dev/null"], { env, stdio: ["pipe", "pipe", "inherit"] });
  t.teardown(async () => {
    child.stdin.end();
    child.kill("SIGKILL");
    folder.remove();
    await new Promise((resolve) => child.once("close", resolve));
  });
  let shown = "";
  // eslint-disable-next-line no-control-regex -- colours and cursor movements are not what is looked at
  child.stdout.setEncoding("utf8").on("data", (text: string) => (shown = (shown + text).replace(/\u001b\[[\d;?]*[A-Za-z]/g, "")));
  return {
    type: (text) => child.stdin.write(text),
    async shows(what) {
      await waitUntil(`the terminal to show ${String(what)}`, () => what.test(shown), boundMs).catch((error: unknown) => t.fail(`${String(error)}; it shows ${JSON.stringify(shown)}`));
      shown = "";
    },
  };
}

for (const [name, { start, load }] of Object.entries(shells)) {
  const skip = missing(name, [name, "-c", "exit"]) || missing("bsdutils", ["script", "--version"]);
  void t.test(`${name} completes commands, flags and values`, { skip, timeout: 120_000 }, async (t) => {
    const { type, shows } = terminal(t, start);
    type(`${load}; echo "load"ed\r`);
    await shows(/loaded/);
    type("lintel admin unre\t");
    await shows(/unregister /);
    type("\u0015lintel admin history --ent\t");
    await shows(/--entries /);
    type("\u0015lintel admin status --output=ya\t");
    await shows(/--output=yaml/);
    type("\u0015exit\r");
    t.pass("all of it was offered");
  });
}

const entries: CommandEntries = {
  admin: { summary: "", load: () => import("../../src/commands/admin.js") },
  linter: { summary: "", load: () => import("../../src/commands/linter.js") },
  check: { summary: "", load: () => import("../../src/commands/check.js") },
};

/** The words that are offered for a command line. */
async function answer(...words: readonly string[]): Promise<{ readonly kind: string; readonly words: readonly string[] }> {
  const { kind, words: candidates } = await candidatesFor(words, entries);
  return { kind, words: candidates.map(({ word }) => word) };
}

void t.test("names that there are right now are offered", { timeout: 60_000 }, async (t) => {
  const service = await startUp(t, { config: 'languages: { json: { versions: [{ version: "1.0", weight: 90, run: { builtin: json, threads: 1 } }, { version: "2.0", weight: 10 }] } }' });
  const at = (...words: readonly string[]) => answer("admin", words[0] ?? "", "--manager", service.manager, ...words.slice(1));
  t.same((await at("unregister", "")).words, ["json"]);
  t.same((await at("unregister", "json", "")).words, ["1.0", "2.0"]);
  t.same(await at("weights", "json", "1.0=5", ""), { kind: "joined", words: ["2.0="] });
  t.same((await at("workers", "drain", "j")).words, ["json-1.0-1"]);
  t.same((await at("undo", "")).words, ["1"]);
});

void t.test("what is offered depends on what stands before", async (t) => {
  t.same((await answer("")).words, ["admin", "linter", "check"]);
  t.same((await answer("admin", "work")).words, ["workers"]);
  t.same((await answer("admin", "workers", "")).words, ["drain", "undrain"], "nobody to ask for names is no reason to fail");
  t.same((await answer("admin", "status", "-o", "")).words, ["table", "json", "yaml"]);
  t.same((await answer("admin", "status", "--watch", "--wat")).words, [], "a flag is offered once");
  t.same((await answer("admin", "register", "a", "1", "--worker", "x:1", "--work")).words, ["--worker"], "unless it may be repeated");
  t.same((await answer("admin", "register", "a", "1", "--command", "x", "--", "--work")).words, [], "behind -- there are no flags");
  t.same(await answer("check", "lin"), { kind: "files", words: [] });
  t.same((await answer("admin", "status", "--tls-ca", "")).kind, "files");
  t.same((await answer("linter", "json", "--mutual-tls", "")).kind, "files", "a folder is one of its files");
  t.same((await answer("linter", "py")).words, ["python"]);
  t.same((await answer("none", "")).words, []);
});
