import t from "tap";
import { parseConfiguration } from "../../src/snapshot/configuration.js";
import { renderProblem } from "../../src/snapshot/problem.js";

function problems(text: string, role: "up" | "balancer" = "up"): string[] {
  const result = parseConfiguration(text, "l", { role });
  return result.kind === "invalid" ? result.problems.map(renderProblem) : [];
}

/** One python version with these lines in it. */
const version = (...lines: readonly string[]): string => `languages:\n  python:\n    versions:\n      - version: "1"\n${lines.map((line) => `        ${line}\n`).join("")}`;
const at = "languages.python.versions[0]";
const anAddress = 'expected a worker\'s address, such as "10.0.0.5:7070" or "[fd00::5]:7070"';
const aDuration = "expected a duration from 10ms to 1h, such as 500ms, 10s or a number of milliseconds";

const table: readonly (readonly [what: string, text: string, sentences: readonly string[]])[] = [
  // Keys
  ["a misspelt key", version("weigth: 1"), [`l:5:9: ${at}.weigth: unknown key; did you mean "weight"?`]],
  ["a misspelt key at the top", "langauges: {}", ['l:1:1: langauges: unknown key; did you mean "languages"?']],
  ["a key in the wrong case", "http: { Listen: x }", ['l:1:9: http.Listen: unknown key; did you mean "listen"?']],
  ["a key like no other", version("timeout: 1"), [`l:5:9: ${at}.timeout: unknown key; known here: version, weight, workers, run`]],
  ["a key of another mapping", version("deadlineMs: 1"), [`l:5:9: ${at}.deadlineMs: unknown key here; "deadlineMs" belongs into limits`]],
  ["a key that belongs to the top level", "http: { shards: 1 }", ['l:1:9: http.shards: unknown key here; "shards" belongs into the top level']],
  ["a key given twice", "shards: 1\nhttp: {}\nshards: 2\n", ['l:3:1: shards: the key "shards" is given twice, first on line 1; remove one of them']],
  ["a missing key", "languages:\n  python:\n    versions:\n      - weight: 1\n", [`l:4:9: ${at}.version: missing; expected a version in quotes, such as "0.17.3"`]],
  ["a language without versions", "languages:\n  go: {}\n", ["l:2:3: languages.go.versions: missing; expected a list of versions"]],
  ["an empty section", "limits:\nshards: 1", ["l:1:8: limits: found nothing, expected a mapping"]],
  ["a merge key", "<<: {}", ['l:1:1: ["<<"]: unknown key; known here: http, admin, accessLog, shards, limits, languages']],
  ["a dangerous key", "__proto__: {}", ['l:1:1: a key cannot be called "__proto__"']],
  ["a key that is a list", "? [a]\n: 1", ["l:1:3: a key must be plain text"]],
  // Values
  ["a number as a version", "languages: { go: { versions: [{ version: 0.90 }] } }", ['l:1:42: languages.go.versions[0].version: found the number 0.90, expected a version in quotes, such as "0.17.3"; did you mean "0.90"?']],
  ["a version that is no header value", 'languages: { go: { versions: [{ version: "a b" }] } }', ['l:1:42: languages.go.versions[0].version: found "a b", expected a version in quotes, such as "0.17.3"']],
  ["a negative weight", version("weight: -1"), [`l:5:17: ${at}.weight: found the number -1, expected a whole number from 0 to 1000000`]],
  ["a fractional weight", version("weight: 0.5"), [`l:5:17: ${at}.weight: found the number 0.5, expected a whole number from 0 to 1000000`]],
  ["infinity", "limits: { attemptsMax: .inf }", ["l:1:24: limits.attemptsMax: found the number .inf, expected a whole number from 1 to 10"]],
  ["a word as a number", "shards: many", ['l:1:9: shards: found "many", expected auto or a whole number from 1 to 256']],
  ["a number out of range", "shards: 0", ["l:1:9: shards: found the number 0, expected auto or a whole number from 1 to 256"]],
  ["an unknown unit", "limits: { deadlineMs: 10 sec }", [`l:1:23: limits.deadlineMs: found "10 sec", ${aDuration}`]],
  ["a duration out of range", "limits: { deadlineMs: 2h }", [`l:1:23: limits.deadlineMs: found "2h", ${aDuration}`]],
  ["a duration in ms out of range", "limits: { deadlineMs: 9 }", [`l:1:23: limits.deadlineMs: found the number 9, ${aDuration}`]],
  ["a size that is none", "http: { bodyBytesMax: [] }", ["l:1:23: http.bodyBytesMax: found an empty list, expected a size from 1B to 256MiB, such as 64KiB, 1MiB or a number of bytes"]],
  ["no for false", "languages: { go: { spill: no, versions: [{ version: '1' }] } }", ['l:1:27: languages.go.spill: found "no", expected true or false']],
  ["a mapping where a list belongs", version("workers: { a: 1 }"), [`l:5:18: ${at}.workers: found a mapping, expected a list of addresses`]],
  ["no version at all", "languages: { go: { versions: [] } }", ["l:1:30: languages.go.versions: found an empty list, expected at least one version"]],
  ["an origin with a path", 'http: { cors: { origins: ["https://example.org/"] } }', ['l:1:27: http.cors.origins[0]: found "https://example.org/", expected "*" or an origin, such as "https://example.org"']],
  ["an extension without its dot", "languages: { go: { extensions: [go], versions: [{ version: '1' }] } }", ['l:1:33: languages.go.extensions[0]: found "go", expected the ending of a file name with its dot, such as ".py"']],
  ["a language in upper case", "languages: { Go: { versions: [{ version: '1' }] } }", ['l:1:14: languages.Go: "Go" cannot be a language\'s name; expected up to 64 lower-case letters, digits and + # . - that start with a letter or digit']],
  ["a long value", `shards: ${"x".repeat(100)}`, [`l:1:9: shards: found "${"x".repeat(60)}…", expected auto or a whole number from 1 to 256`]],
  // Addresses
  ["an address without a port", version("workers: [10.0.0.5]"), [`l:5:19: ${at}.workers[0]: found "10.0.0.5", ${anAddress}; the port is missing`]],
  ["IPv6 without brackets", version('workers: ["fd00::5:7070"]'), [`l:5:19: ${at}.workers[0]: found "fd00::5:7070", ${anAddress}; an IPv6 address goes into brackets: "[fd00::5]:7070"`]],
  ["a number as an address", version("workers: [7070]"), [`l:5:19: ${at}.workers[0]: found the number 7070, ${anAddress}`]],
  ["a bad listen address", 'http: { listen: "10.0.0.256:80" }', ['l:1:17: http.listen: found "10.0.0.256:80", expected an address to listen on, such as "127.0.0.1:8080" or "[::]:8080"']],
  // Across keys
  ["a port for the PROXY protocol that says nobody", "http: { proxyProtocol: { listen: '0.0.0.0:8081', from: [] } }\n", ["l:1:56: http.proxyProtocol.from: found an empty list, expected at least one network"]],
  ["a port for the PROXY protocol in front of one that loopback does not reach", "http: { listen: '[fd00::5]:8080', proxyProtocol: { listen: '0.0.0.0:8081', from: [10.0.0.0/8] } }\n", ["l:1:50: http.proxyProtocol: its connections go on to http.listen from IPv4's loopback, which does not reach [fd00::5]:8080; listen on an IPv4 address, 0.0.0.0 or [::]"]],
  ["a version given twice", 'languages:\n  go:\n    versions:\n      - version: "1"\n      - version: "1"\n', ['l:5:18: languages.go.versions[1].version: the version "1" is already at languages.go.versions[0].version on line 4; it can only be in one place']],
  ["a worker given twice, spelt differently", version('workers: ["[::1]:80", "[0::1]:80"]'), [`l:5:31: ${at}.workers[1]: the worker "[::1]:80" is already at ${at}.workers[0] on line 5; it can only be in one place`]],
  ["an extension of two languages", 'languages:\n  a: { extensions: [.x], versions: [{ version: "1" }] }\n  b: { extensions: [.X], versions: [{ version: "1" }] }\n', ['l:3:21: languages.b.extensions[0]: the extension ".x" is already at languages.a.extensions[0] on line 2; it can only be in one place']],
  ["a body that never fits", "http: { bodyBytesMax: 100MiB }", ["l:1:23: http.bodyBytesMax: a body of http.bodyBytesMax (100MiB) does not fit into limits.bodyBytesHeldPerShardMax (64MiB); raise the second or lower the first"]],
  // Running
  ["an unknown built-in linter", version("run: { builtin: pyton }"), [`l:5:25: ${at}.run.builtin: found "pyton", expected one of css, javascript, json, python, typescript, yaml; did you mean "python"?`]],
  ["an unknown report format", version("run: { command: [x], report: sarrif }"), [`l:5:38: ${at}.run.report: found "sarrif", expected one of auto, sarif, eslint, lines, shellcheck; did you mean "sarif"?`]],
  ["nothing to run", version("run: { workers: 2 }"), [`l:5:14: ${at}.run: names nothing to run; expected builtin or command`]],
  ["two things to run", version("run: { builtin: css, command: [x] }"), [`l:5:30: ${at}.run.command: builtin and command exclude each other; remove one of them`]],
  ["a report format for a built-in linter", version("run: { builtin: css, report: sarif }"), [`l:5:30: ${at}.run.report: a built-in linter has one report format; report belongs to command`]],
  ["an empty command", version("run: { command: [] }"), [`l:5:25: ${at}.run.command: found an empty list, expected a program and its arguments`]],
  ["an empty program", version('run: { command: [""] }'), [`l:5:26: ${at}.run.command[0]: found empty text, expected the name or path of a program`]],
  ["NUL in an argument", version('run: { command: [x, "a\\0b"] }'), [`l:5:29: ${at}.run.command[1]: found "a\\u0000b", expected text without NUL characters`]],
  ["a bad variable", version("run: { builtin: css, environment: { A-B: x, C: 1 } }"), [
    `l:5:45: ${at}.run.environment.A-B: "A-B" cannot be the name of an environment variable; expected letters, digits and _`,
    `l:5:56: ${at}.run.environment.C: found the number 1, expected text without NUL characters; did you mean "1"?`,
  ]],
  // The file as a whole
  ["an empty file", "", ["l:1:1: the file is empty; it needs at least one setting, such as languages"]],
  ["a file of comments", "# nothing\n", ["l:1:1: the file is empty; it needs at least one setting, such as languages"]],
  ["a list", "- a\n", ["l:1:1: found a list, expected a mapping that starts with a key such as languages:"]],
  ["plain text", "hello", ['l:1:1: found "hello", expected a mapping that starts with a key such as languages:']],
  ["two documents", "shards: 1\n---\nshards: 2\n", ["l:2:1: a second document starts here; a configuration file holds one (remove the --- line)"]],
  ["a NUL byte", "shards: 1\nhttp: \0", ["l:2:7: a NUL byte; a configuration file is UTF-8 text"]],
  ["a tag", "shards: !!js/function 1", ["l:1:9: unknown tag tag:yaml.org,2002:js/function; only plain values are understood"]],
  ["a tab", "http:\n\tlisten: x", ["l:2:1: not valid YAML: tabs are not allowed as indentation"]],
  ["an alias without an anchor", "shards: *a", ["l:1:9: shards: the alias *a has no anchor &a before it"]],
  ["an alias of itself", "http: &a { cors: *a }", ["l:1:18: http.cors: the alias *a contains itself"]],
];

for (const [what, text, sentences] of table) {
  void t.test(`${what} is told in one sentence`, (t) => {
    t.same(problems(text), sentences);
    t.end();
  });
}

void t.test("YAML that cannot be read is told with its line", (t) => {
  for (const text of ["shards: [1", 'shards: "1', "a: b: c", "shards: 1\n]", "%FOO\n---\na: 1"]) {
    const found = problems(text);
    t.not(found.length, 0, JSON.stringify(text));
    for (const sentence of found) t.match(sentence, /^l:\d+:\d+: not valid YAML: [a-z]/);
  }
  t.end();
});

void t.test("all problems are told, in the order of the file", (t) => {
  const found = problems("htpp: {}\nshards: 0\nlanguages:\n  Go:\n    versions:\n      - version: 1.0\n        wieght: 1\n        workers: [x, 'a:1', 'a:1']\n      - {}\nlimits: 3\n");
  t.same(found.map((sentence) => sentence.split(":").slice(1, 2).concat(sentence.split(": ")[1]!).join(" ")), [
    "1 htpp", "2 shards", "4 languages.Go", "6 languages.Go.versions[0].version", "7 languages.Go.versions[0].wieght",
    "8 languages.Go.versions[0].workers[0]", "8 languages.Go.versions[0].workers[2]", "9 languages.Go.versions[1].version", "10 limits",
  ]);
  t.end();
});

void t.test("a balancer refuses to start linters, and says what to do", (t) => {
  const file = version("run: { builtin: python }");
  t.same(problems(file, "up"), []);
  t.same(problems(file, "balancer"), [`l:5:9: ${at}.run: a balancer does not start linters; start them elsewhere and list their addresses under workers, or use this file with \`lintel up --config\``]);
  t.end();
});

void t.test("problems are data as well", (t) => {
  const result = parseConfiguration("shards: 0\nhtpp: 1", "l");
  t.same(result.kind === "invalid" && result.problems, [
    { file: "l", line: 1, column: 9, path: "shards", message: "found the number 0, expected auto or a whole number from 1 to 256", found: "the number 0", expected: "auto or a whole number from 1 to 256" },
    { file: "l", line: 2, column: 1, path: "htpp", message: 'unknown key; did you mean "http"?', found: '"htpp"', expected: "one of http, admin, accessLog, shards, limits, languages", suggestion: "http" },
  ]);
  t.end();
});

void t.test("small files that stand for much are refused quickly", (t) => {
  const levels = Array.from({ length: 9 }, (_, level) => `a${level}: &a${level} [${Array(10).fill(level === 0 ? "x" : `*a${level - 1}`).join(",")}]\n`).join("");
  t.match(problems(levels), [/more than 200000 values; aliases multiply what they stand for$/]);
  for (const text of ["[".repeat(50_000), "- ".repeat(50_000), "{a: ".repeat(50_000), "? ".repeat(20_000)]) {
    t.match(problems(text), [/^l:1:\d+: nested more than 64 levels deep$/], JSON.stringify(text.slice(0, 8)));
  }
  t.end();
});
