// The one executable file: the same bytes wherever it is built, and every command of it run once for real, where there is nothing else of ours.
// Built by npm run test:systemd
import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { freePort } from "../support/balancer-process.js";
import { proxyHeader } from "../support/proxy-header.js";
import { bytesOf, connect } from "../support/raw-http.js";
import { folderWith, type LintelRun, runProcess } from "../support/run-lintel.js";
import { type Program, startProgram } from "../support/service.js";
import { repositoryRoot } from "../support/source-module.js";

const built = join(repositoryRoot, "dist/lintel");
/** Of the node that runs this test, nothing; nor of this machine's settings for the program. */
const env = { NODE_OPTIONS: "", NODE_PATH: "" };

/** Every built-in linter, with a fault in each file and the rule that finds it. */
const sources: Readonly<Record<string, readonly [file: string, text: string, rule: string]>> = {
  python: ["a.py", "import os\n", "F401"],
  javascript: ["a.js", "let a = 1;\n", "no-unused-vars"],
  typescript: ["a.ts", "let a: any = 1;\nexport { a };\n", "no-explicit-any"],
  css: ["a.css", "a { colr: red; }\n", "property-no-unknown"],
  json: ["a.json", '{"a" 1}\n', "ColonExpected"],
  yaml: ["a.yaml", "a: 1\na: 2\n", "DUPLICATE_KEY"],
};

/** Commands that were run, by their first words. */
const tried = new Set<string>();

void t.test("another checkout makes the same bytes", (t) => {
  // Beside the first one, so that the packages can be linked instead of copied; it has no path in common with it but that.
  const other = mkdtempSync(join(repositoryRoot, "dist/another-checkout-"));
  t.teardown(() => rmSync(other, { recursive: true }));
  for (const path of ["package.json", "scripts", "proto", "docs/openapi.json", "dist/src", "dist/web"]) cpSync(join(repositoryRoot, path), join(other, path), { recursive: true });
  execFileSync("cp", ["-al", join(repositoryRoot, "node_modules"), join(other, "node_modules")]);
  const output = join(other, "somewhere/else");
  execFileSync(process.execPath, ["scripts/build-binary.mjs", output], { cwd: other, stdio: "pipe" });
  t.ok(readFileSync(output).equals(readFileSync(built)), "byte for byte");
  t.end();
});

interface Ground {
  /** An empty folder but for what is asked for, and the working directory of everything. */
  readonly folder: string;
  readonly runs: (...args: readonly string[]) => Promise<LintelRun>;
  readonly starts: (args: readonly string[], ready: RegExp) => Promise<Program & { readonly ready: RegExpExecArray }>;
}

/** The file alone, far from packages and sources. */
function ground(t: Test, files: Readonly<Record<string, string>> = {}): Ground {
  const { path, remove } = folderWith({});
  t.teardown(remove);
  const program = join(path, "bin/lintel");
  mkdirSync(join(path, "bin"));
  copyFileSync(built, program);
  const { path: folder, remove: removeFolder } = folderWith(files);
  t.teardown(removeFolder);
  for (let above = folder; above !== "/"; above = join(above, "..")) t.notOk(existsSync(join(above, "node_modules")), `no packages in ${above}`);
  const note = ([first = ""]: readonly string[]): void => void tried.add(first);
  return {
    folder,
    runs: (...args) => (note(args), runProcess(program, args, { cwd: folder, env })),
    starts: (args, ready) => (note(args), startProgram(t, args, ready, { command: [program], cwd: folder, env })),
  };
}

void t.test("up, with a port for the PROXY protocol; check and lint", { timeout: 240_000 }, async (t) => {
  const door = await freePort();
  const languages = Object.keys(sources).map((language) => `  ${language}: { versions: [{ version: "1", run: { builtin: ${language}, threads: 1 } }] }`);
  const configuration = `shards: 1\nhttp: { listen: "127.0.0.1:0", proxyProtocol: { listen: "127.0.0.1:${door}", from: ["127.0.0.1"] } }\nadmin: { listen: "127.0.0.1:0" }\nlanguages:\n${languages.join("\n")}\n`;
  const { runs, starts } = ground(t, { "lintel.yaml": configuration, ...Object.fromEntries(Object.values(sources).map(([file, text]) => [file, text])) });
  t.match(await runs("check", "lintel.yaml"), { code: 0, stdout: /lintel\.yaml is valid/ });
  const up = await starts(["up", "--config", "lintel.yaml", "--manager", "127.0.0.1:0"], /ready at (http:\S+)[^]*dashboard (http:\S+)/);
  const [, url = "", dashboard = ""] = up.ready;

  const { code, stdout, stderr } = await runs("lint", "--url", url, "--format", "text", ...Object.values(sources).map(([file]) => file));
  t.equal(code, 1, stderr);
  for (const [language, [file, , rule]] of Object.entries(sources)) t.ok(stdout.split("\n").some((line) => line.includes(file) && line.includes(rule)), `${language}: ${rule}`);

  const connection = await connect({ host: "127.0.0.1", port: door });
  connection.write(Buffer.concat([proxyHeader({ client: [203, 0, 113, 1] }), bytesOf({ method: "POST", path: "/v1/lint/json", body: '{"a" 1}' })]));
  t.match(await connection.reply(), { status: 200, body: /ColonExpected/ }, "through the port of the PROXY protocol");
  connection.close();
  for (const page of [`${url}/`, dashboard, `${url}/openapi.json`]) t.equal((await fetch(page)).status, 200, page);
});

void t.test("manager, balancer, linter and admin, each a process of its own", { timeout: 240_000 }, async (t) => {
  const { runs, starts } = ground(t, { "a.json": '{"a" 1}\n', "a.css": "a { colr: red; }\n" });
  const manager = await starts(["manager", "--store", "file:manager.json", "--listen", "127.0.0.1:0"], /"msg":"manager ready","address":"([^"]+)"/);
  const at = ["--manager", manager.ready[1]!];
  t.match(await runs("admin", "register", "json", "1", "--builtin", "json", "--weight", "1", ...at), { code: 0 });
  t.match(await runs("admin", "register", "css", "1", "--weight", "1", ...at), { code: 0 });
  await starts(["linter", "css", "--as-version", "1", "--threads", "1", ...at], /"msg":"listening"/);
  const balancer = await starts(["balancer", "--link", `manager:${manager.ready[1]!}`, "--name", "edge", "--state", "state", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--shards", "1"], /"msg":"balancer ready","url":"([^"]+)"/);
  t.match(await runs("admin", "status", "--wait", "-o", "json", ...at), { code: 0, stdout: /"edge"/ });
  // Workers join when they come; users of a language whose worker is not there yet are told so.
  const url = balancer.ready[1]!;
  let last: LintelRun | undefined;
  for (const endMs = performance.now() + 60_000; last?.code !== 1 && performance.now() < endMs; ) last = await runs("lint", "--url", url, "--format", "text", "a.json", "a.css");
  t.match(last, { code: 1, stdout: /a\.json.*ColonExpected/ });
  t.match(last?.stdout, /a\.css.*property-no-unknown/);
});

void t.test("what needs nobody else, and nothing was left out", { timeout: 120_000 }, async (t) => {
  const { runs } = ground(t);
  const { version } = JSON.parse(readFileSync(join(repositoryRoot, "package.json"), "utf8")) as { version: string };
  t.match(await runs("--version"), { code: 0, stdout: version });
  for (const shell of ["bash", "zsh", "fish"]) t.match(await runs("completion", shell), { code: 0, stdout: /completion answer/ }, shell);
  t.match(await runs("completion", "answer", "--", "bal"), { code: 0, stdout: /^words\nbalancer\t/ });
  t.match(await runs("bench", "--list"), { code: 2, stderr: /^lintel: the benchmarks are part of a checkout of the repository, not of an installed Lintel; clone it/ });
  const { stdout } = await runs("--help");
  const commands = [...(stdout.split("\nCommands:\n")[1] ?? "").matchAll(/^ {2}([a-z]+)/gm)].map(([, name = ""]) => name).filter((name) => name !== "help");
  t.ok(commands.length >= 9, commands.join(" "));
  t.same(commands.filter((name) => !tried.has(name)), [], "every command was tried");
});
