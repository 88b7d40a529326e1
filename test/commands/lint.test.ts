import { readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { folderWith, runLintel, type LintelRun, type LintelRunOptions } from "../support/run-lintel.js";
import { problem, startStandIn, type StandInOptions } from "../support/stand-in-service.js";

t.jobs = 4;

interface Bench {
  readonly lint: (args: readonly string[], options?: LintelRunOptions) => Promise<LintelRun>;
  readonly service: Awaited<ReturnType<typeof startStandIn>>;
  readonly folder: string;
}

/** A stand-in service and a folder with files, both gone at the end of the test. */
async function bench(t: Test, files: Readonly<Record<string, string | Buffer>>, options: StandInOptions = {}): Promise<Bench> {
  const service = await startStandIn(options);
  const folder = folderWith(files);
  t.teardown(async () => {
    folder.remove();
    await service.close();
  });
  return {
    service,
    folder: folder.path,
    lint: (args, more = {}) => runLintel(["lint", ...args], { cwd: folder.path, ...more, env: { LINTEL_URL: service.url, ...more.env } }),
  };
}

void t.test("exit codes and plain lines", async (t) => {
  const { lint, service } = await bench(t, { "clean.py": "x = 1\n", "bad.py": "a error!\n  b warning!\n", "hint.ts": "hint!" });
  const [clean, bad, hint, hintOn, never, errorOnly] = await Promise.all([
    lint(["clean.py"]),
    lint(["bad.py"]),
    lint(["hint.ts"]),
    lint(["hint.ts", "--fail-on", "hint"]),
    lint(["bad.py", "--fail-on", "never"]),
    lint(["hint.ts", "--fail-on", "error", "-q"]),
  ]);
  t.same([clean.code, clean.stdout, clean.stderr], [0, "", ""]);
  t.same([bad.code, bad.stdout, bad.stderr], [1, "bad.py:1:3: error shout there is error!\nbad.py:2:5: warning shout there is warning!\n", ""]);
  t.same([hint.code, hintOn.code, never.code, errorOnly.code], [0, 1, 0, 0]);
  t.equal(hint.stdout, "hint.ts:1:1: hint shout there is hint!\n");
  t.match(service.seen.userAgent, /^lintel\/\d/);
});

void t.test("folders are walked, sorted, and what is not source is left out", async (t) => {
  const { lint, folder, service } = await bench(t, {
    "src/z.py": "error!",
    "src/a.py": "error!",
    "src/B.py": "error!",
    "src/inner/deep.ts": "error!",
    "src/readme.md": "error!",
    "src/data.json": Buffer.from("{}\0error!"),
    "src/huge.json": " ".repeat(1024 * 1024 + 1),
    "src/node_modules/x/index.ts": "error!",
    "src/.hidden/x.ts": "error!",
    "src/.dotfile.json": "error!",
    "src/generated/x.ts": "error!",
    "src/keep.pyi": "error!",
    "src/ignored.py": "error!",
    "src/inner/.gitignore": "*.json\n!kept.json\n",
    "src/inner/gone.json": "error!",
    "src/inner/kept.json": "error!",
    ".gitignore": "ignored.py\n*.log\n",
    ".git/HEAD": "ref: refs/heads/main\n",
  });
  symlinkSync(join(folder, "src"), join(folder, "src/loop"));
  symlinkSync(join(folder, "src/a.py"), join(folder, "src/link.py"));
  const run = await lint(["src", "--exclude", "generated/", "--format", "json"]);
  const names = (JSON.parse(run.stdout) as { filename: string }[]).map(({ filename }) => filename);
  t.same(names, ["src/.dotfile.json", "src/B.py", "src/a.py", "src/inner/deep.ts", "src/inner/kept.json", "src/keep.pyi", "src/z.py"]);
  t.equal(run.code, 1);
  t.equal(run.stderr, "lintel: 2 files were skipped, too large (over 1048576 bytes) or binary; -v names them.\n");
  t.same(new Set(service.requests.map(({ filename }) => filename)), new Set(names), "nothing else was sent");

  const verbose = await lint([".", "--exclude", "generated/", "--language", "json", "-v"]);
  t.same(verbose.stdout.split("\n").map((line) => line.split(":")[0]), ["src/.dotfile.json", "src/inner/kept.json", ""]);
  t.same(verbose.stderr.split("\n").sort(), [
    "",
    "lintel: skipped .git: dot folder.",
    "lintel: skipped .gitignore: no linter for it.",
    "lintel: skipped src/.hidden: dot folder.",
    "lintel: skipped src/B.py: no linter for it.",
    "lintel: skipped src/a.py: no linter for it.",
    "lintel: skipped src/data.json: binary.",
    "lintel: skipped src/generated: excluded.",
    "lintel: skipped src/huge.json: too large.",
    "lintel: skipped src/ignored.py: ignored.",
    "lintel: skipped src/inner/.gitignore: no linter for it.",
    "lintel: skipped src/inner/deep.ts: no linter for it.",
    "lintel: skipped src/inner/gone.json: ignored.",
    "lintel: skipped src/keep.pyi: no linter for it.",
    "lintel: skipped src/link.py: symbolic link.",
    "lintel: skipped src/loop: symbolic link.",
    "lintel: skipped src/node_modules: node_modules.",
    "lintel: skipped src/readme.md: no linter for it.",
    "lintel: skipped src/z.py: no linter for it.",
  ]);
  const all = await lint(["src/ignored.py", "src/inner", "--no-gitignore"]);
  t.same(all.stdout.split("\n").map((line) => line.split(":")[0]), ["src/ignored.py", "src/inner/deep.ts", "src/inner/gone.json", "src/inner/kept.json", ""], "a named file is taken though ignored");
});

void t.test("standard input needs a language, from a flag or a name", async (t) => {
  const { lint, service } = await bench(t, {});
  const [unknown, flagged, named] = await Promise.all([
    lint(["-"], { stdin: "error!" }),
    lint(["-", "--language", "python"], { stdin: "x\n error!" }),
    lint(["-", "--stdin-filename", "dir/x.ts"], { stdin: "é error!" }),
  ]);
  t.same([unknown.code, unknown.stderr], [2, "lintel: <stdin>: the language of standard input is not known; add --language or --stdin-filename.\n"]);
  t.same([flagged.code, flagged.stdout], [1, "<stdin>:2:2: error shout there is error!\n"]);
  t.same([named.code, named.stdout], [1, "dir/x.ts:1:3: error shout there is error!\n"]);
  t.same(service.requests.map(({ language, filename, source }) => [language, filename, source]).sort(), [
    ["python", "", "x\n error!"],
    ["typescript", "dir/x.ts", "é error!"],
  ]);
});

void t.test("a file that cannot be linted is named, the others are printed, the exit code is 2", async (t) => {
  const { lint } = await bench(
    t,
    { "a.py": "error!", "big.py": "", "odd.txt": "", "html.py": "", "weird.py": "", "z.py": "error!" },
    {
      fault: ({ filename }) => {
        if (filename === "big.py") return problem(413, "body-too-large", "The source has 2000000 bytes; the limit is 1048576.");
        if (filename === "html.py") return { kind: "answer", status: 502, body: "<h1>Bad Gateway</h1>", headers: { "content-type": "text/html" } };
        if (filename === "weird.py") return { kind: "answer", status: 200, body: '{"language":"python"}' };
        return undefined;
      },
    },
  );
  const run = await lint(["z.py", "a.py", "big.py", "odd.txt", "missing.py", "html.py", "weird.py"]);
  t.equal(run.code, 2);
  t.equal(run.stdout, "a.py:1:1: error shout there is error!\nz.py:1:1: error shout there is error!\n");
  t.same(
    run.stderr.replace(/http:\/\/[0-9.]+:\d+/, "URL").split("\n"),
    [
      "lintel: missing.py: there is no such file or folder.",
      "lintel: odd.txt: no language here has this extension; the languages are: python (.py, .pyi), typescript (.ts, .tsx), json (.json); --language chooses one.",
      "lintel: big.py: The source has 2000000 bytes; the limit is 1048576 (413 body-too-large, request req-1).",
      "lintel: html.py: URL answered 502 Bad Gateway, not as a Lintel service does; check --url or LINTEL_URL.",
      "lintel: weird.py: the service answered something else than a report: linter is not an object, request req-1.",
      "",
    ],
  );
});

void t.test("busy answers and lost connections are asked again, a bounded number of times", async (t) => {
  const { lint, service } = await bench(
    t,
    { "busy.py": "error!", "limited.py": "error!", "lost.py": "error!", "always.py": "", "gone.py": "", "later.py": "" },
    {
      languagesFault: (attempt) => (attempt === 1 ? { kind: "reset" } : attempt === 2 ? problem(503, "draining", "Leaving.", { "retry-after": "0" }) : undefined),
      fault: ({ filename, attempt }) => {
        if (filename === "busy.py" && attempt <= 2) return problem(503, "overloaded", "Too much.", { "retry-after": "0" });
        if (filename === "limited.py" && attempt === 1) return problem(429, "rate", "Slower.", { "retry-after": new Date().toUTCString() });
        if (filename === "lost.py" && attempt <= 3) return { kind: "reset" };
        if (filename === "always.py") return problem(503, "overloaded", "Too much.", { "retry-after": "0" });
        if (filename === "gone.py") return { kind: "reset" };
        if (filename === "later.py") return problem(503, "overloaded", "Come back tomorrow.", { "retry-after": "86400" });
        return undefined;
      },
    },
  );
  const run = await lint(["."]);
  t.equal(run.code, 2);
  t.same(run.stdout.split("\n").map((line) => line.split(":")[0]), ["busy.py", "limited.py", "lost.py", ""]);
  t.same(run.stderr.replace(/http:\/\/[0-9.]+:\d+/, "URL").split("\n"), [
    "lintel: always.py: Too much (503 overloaded, request req-1).",
    "lintel: gone.py: cannot use the service at URL: the connection ended before the answer (ECONNRESET).",
    "lintel: later.py: Come back tomorrow (503 overloaded, request req-1).",
    "",
  ]);
  const counts: Record<string, number> = {};
  for (const { filename } of service.requests) counts[filename] = (counts[filename] ?? 0) + 1;
  t.same(counts, { "always.py": 4, "busy.py": 3, "gone.py": 4, "later.py": 1, "limited.py": 2, "lost.py": 4 });
});

void t.test("a service that is not there is said once, with what to do", async (t) => {
  const { lint, service } = await bench(t, { "a.py": "", "b.py": "" });
  await service.close();
  const run = await lint(["a.py", "b.py"]);
  t.same([run.code, run.stdout, run.stderr], [2, "", `lintel: cannot use the service at ${service.url}: nothing listens there (ECONNREFUSED); start the service with "npx lintel up", or name another with --url or LINTEL_URL.\n`]);
});

void t.test("a service that goes away in the middle ends the run, and what was done is printed", async (t) => {
  const files = Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`f${String(at).padStart(2, "0")}.py`, "error!"]));
  const { lint, service } = await bench(t, files, {
    fault: ({ filename }) => {
      if (filename !== "f10.py") return undefined;
      void service.close();
      return { kind: "reset" };
    },
  });
  const run = await lint([".", "--concurrency", "1"]);
  t.equal(run.code, 2);
  t.equal(run.stdout.split("\n").length - 1, 10);
  t.match(run.stderr, /^lintel: cannot use the service at .*ECONNREFUSED.*; 20 files were not linted\.\n$/);
});

void t.test("an answer that does not come ends at the time limit", async (t) => {
  const { lint } = await bench(t, { "a.py": "" }, { fault: () => ({ kind: "hang" }) });
  const run = await lint(["a.py", "--timeout-ms", "1500"]);
  t.equal(run.code, 2);
  t.match(run.stderr, /a\.py: cannot use the service at .*: no answer within 1500 ms\.\n$/);
});

void t.test("many files go over few connections, no more at once than told, printed in order", async (t) => {
  const files = Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`d${at % 7}/f${at}.py`, `error! ${at}`]));
  const { lint, service } = await bench(t, files, { fault: ({ filename }) => ({ kind: "slow", ms: (filename.length * 7 + Number(/\d+/.exec(filename)?.[0])) % 20 }) });
  const [one, two] = [await lint([".", "--concurrency", "5"]), await lint(["d6", "d5", "d0", "d1", "d2", "d3", "d4"])];
  t.equal(one.stdout, two.stdout);
  t.same(one.stdout.split("\n").slice(0, -1).map((line) => line.split(":")[0]), Object.keys(files).sort());
  t.ok(service.seen.inFlightMax <= 8, `${service.seen.inFlightMax} at once`);
  t.ok(service.seen.inFlightMax > 1);
  t.ok(service.seen.connections <= 5 + 8 + 2, `${service.seen.connections} connections for ${service.requests.length} requests`);
});

void t.test("flags that make no sense are one sentence", async (t) => {
  const { lint, service } = await bench(t, { "a.py": "" });
  const cases: readonly (readonly [args: string[], message: string])[] = [
    [[], 'no file is named; name files or folders ("." is this one), or "-" for standard input.'],
    [["a.py", "--url", "ftp://x"], '--url (or LINTEL_URL) is "ftp://x", but must be an address like http://127.0.0.1:8080 or https://lintel.example.org.'],
    [["a.py", "--concurrency", "0"], '--concurrency is "0", but must be a whole number from 1 to 256.'],
    [["a.py", "--timeout-ms", "1s"], '--timeout-ms is "1s", but must be a whole number from 1 to 3600000.'],
    [["a.py", "--options", "[1]"], '--options must be a JSON object, such as {"select": ["E"]}.'],
    [["a.py", "--lint-version", "1"], "--lint-version needs --language: a version belongs to one language."],
    [["a.py", "--language", "perl"], 'the service has no language "perl"; the languages are: python (.py, .pyi), typescript (.ts, .tsx), json (.json).'],
    [["a.py", "--language", "python", "--lint-version", "9"], 'the service has no version "9" of python; the versions are: 0.17.3, 0.18.0.'],
  ];
  const runs = await Promise.all(cases.map(([args]) => lint(args)));
  runs.forEach((run, at) => t.same([run.code, run.stdout, run.stderr], [2, "", `lintel: ${cases[at]![1]}\n`]));
  const choices = await lint(["a.py", "--format", "xml"]);
  t.equal(choices.code, 2);
  t.match(choices.stderr, "Allowed choices are json, sarif, text, rdjson, gitlab, checkstyle, github");
  t.same(service.requests, [], "no source was sent");
});

void t.test("language, version and options go with the source; a name says nothing of folders above", async (t) => {
  const { lint, service, folder } = await bench(t, { "odd.txt": "error!", "sub/x.ts": "" });
  const run = await lint(["odd.txt", "--language", "python", "--lint-version", "0.18.0", "--options", '{"select":["E&F"]}']);
  t.equal(run.stdout, "odd.txt:1:1: error shout there is error!\n");
  await lint([join(folder, "odd.txt"), "../x.ts"], { cwd: join(folder, "sub") });
  await lint([join(folder, "sub/x.ts"), "../sub/x.ts"], { cwd: join(folder, "sub") });
  await lint([join(folder, "sub/x.ts")], { cwd: "/" });
  t.same(
    service.requests.map(({ language, filename, query }) => [language, filename, query.get("version"), query.get("options")]),
    [
      ["python", "odd.txt", "0.18.0", '{"select":["E&F"]}'],
      ["typescript", "x.ts", null, null],
      ["typescript", join(folder, "sub/x.ts").slice(1), null, null],
    ],
  );
});

void t.test("--output takes the findings, in any format", async (t) => {
  const { lint, folder } = await bench(t, { "é.py": "é error!" });
  const [sarif, rdjson, broken] = await Promise.all([
    lint(["é.py", "--format", "sarif", "--output", "out.sarif"]),
    lint(["é.py", "--format", "rdjson"]),
    lint(["é.py", "--output", "missing/out"]),
  ]);
  t.same([sarif.code, sarif.stdout, sarif.stderr], [1, "", ""]);
  t.equal((JSON.parse(readFileSync(join(folder, "out.sarif"), "utf8")) as { version: string }).version, "2.1.0");
  t.match(rdjson.stdout, '"start":{"line":1,"column":4}', "columns in bytes: the source was kept");
  t.equal(broken.code, 2);
  t.match(broken.stderr, /^lintel: the findings cannot be written to missing\/out: ENOENT/);
});

void t.test("nothing to lint is said, and is not a failure", async (t) => {
  const { lint } = await bench(t, { "empty/readme.md": "" });
  const [text, json, quiet] = await Promise.all([lint(["empty"]), lint(["empty", "--format", "json"]), lint(["empty", "-q"])]);
  t.same([text.code, text.stdout, text.stderr], [0, "", "lintel: there was no file to lint (1 skipped; -v says why).\n"]);
  t.equal(json.stdout, "[]\n");
  t.equal(quiet.stderr, "");
});

void t.test("a reader that stops reading ends nothing but the output", async (t) => {
  const { lint } = await bench(t, { "a.py": "error!\n".repeat(20_000) });
  const run = await lint(["a.py"], { closeStdout: true });
  t.same([run.code, run.signal, run.stderr], [1, null, ""]);
});
