import { appendFile, mkdir, rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t, { type Test } from "tap";
import { systemClock } from "../../src/base/clock.js";
import { UserError } from "../../src/base/errors.js";
import { createLogger } from "../../src/base/logger.js";
import { ConfigurationFile, type ConfigurationFileOptions } from "../../src/manager-link/configuration-file.js";
import type { ApplyOutcome } from "../../src/manager-link/link.js";
import type { Configuration } from "../../src/snapshot/configuration.js";
import { pythonFile } from "../support/configuration-files.js";
import { waitUntil } from "../support/wait-until.js";

interface Setting {
  readonly path: string;
  readonly file: ConfigurationFile;
  /** What the consumer applied, as "revision:worker ports". */
  readonly applied: string[];
  readonly log: string[];
  /** What the consumer answers from now on. */
  answer: ApplyOutcome;
  start(): Promise<void>;
}

function portsOf(configuration: Configuration): string {
  return configuration.languages.flatMap(({ versions }) => versions.flatMap(({ workers }) => workers.map(({ port }) => port))).join(" ");
}

/** A file under watch, in a directory of its own. */
function setUp(t: Test, path: string, options: Partial<ConfigurationFileOptions> = {}): Setting {
  const log: string[] = [];
  const logger = createLogger({ level: "info", format: "text", write: (line) => log.push(line.trimEnd()) });
  const file = new ConfigurationFile({ path, role: "balancer", clock: systemClock, logger, settleMs: 20, pollMs: 50, ...options });
  t.teardown(() => file.stop());
  const setting: Setting = {
    path, file, log, applied: [], answer: { kind: "applied" },
    start: () =>
      file.start((configuration, revision) => {
        if (setting.answer.kind === "applied") setting.applied.push(`${revision}:${portsOf(configuration)}`);
        return Promise.resolve(setting.answer);
      }),
  };
  return setting;
}

async function started(t: Test, options: Partial<ConfigurationFileOptions> = {}): Promise<Setting> {
  const setting = setUp(t, join(t.testdir(), "lintel.yaml"), options);
  await writeFile(setting.path, pythonFile(1));
  await setting.start();
  t.same(setting.applied, ["1:1"]);
  return setting;
}

const applies = (setting: Setting, what: string): Promise<void> => waitUntil(`${what} is applied`, () => setting.applied.at(-1) === what);
const logs = (setting: Setting, pattern: RegExp): Promise<void> => waitUntil(`${String(pattern)} is logged`, () => setting.log.some((line) => pattern.test(line)));

void t.test("a file that is written in place is applied", async (t) => {
  const setting = await started(t);
  await writeFile(setting.path, pythonFile(1, 2));
  await applies(setting, "2:1 2");
  await logs(setting, /^configuration applied .*revision=2 changes=python 1: worker 127.0.0.1:2 added$/);
});

void t.test("a file that is renamed over it is applied", async (t) => {
  const setting = await started(t);
  await writeFile(`${setting.path}.new`, pythonFile(3));
  await rename(`${setting.path}.new`, setting.path);
  await applies(setting, "2:3");
});

void t.test("a file that is taken away and put back is applied, and missed in between", async (t) => {
  const setting = await started(t);
  await rename(setting.path, `${setting.path}~`);
  await logs(setting, /lintel\.yaml: there is no such file$/);
  await writeFile(setting.path, pythonFile(4));
  await applies(setting, "2:4");
});

void t.test("a symbolic link swapped beside it is followed, as a ConfigMap's is", async (t) => {
  const directory = t.testdir({ "..1": { "lintel.yaml": pythonFile(1) }, "..2": { "lintel.yaml": pythonFile(2) } });
  await symlink("..1", join(directory, "..data"));
  await symlink("..data/lintel.yaml", join(directory, "lintel.yaml"));
  const setting = setUp(t, join(directory, "lintel.yaml"), { pollMs: 60_000 });
  await setting.start();
  await symlink("..2", join(directory, "..data_tmp"));
  await rename(join(directory, "..data_tmp"), join(directory, "..data"));
  await applies(setting, "2:2");
});

void t.test("a symbolic link swapped elsewhere on its path is found without an event", async (t) => {
  const directory = t.testdir({ a: { "lintel.yaml": pythonFile(1) }, b: { "lintel.yaml": pythonFile(2) }, etc: {} });
  await symlink("../a", join(directory, "etc/current"));
  const setting = setUp(t, join(directory, "etc/current/lintel.yaml"));
  await setting.start();
  await symlink("../b", join(directory, "etc/next"));
  await rename(join(directory, "etc/next"), join(directory, "etc/current"));
  await applies(setting, "2:2");
  await writeFile(join(directory, "b/lintel.yaml"), pythonFile(3));
  await applies(setting, "3:3");
});

void t.test("a directory that is removed and made again is watched again", async (t) => {
  const directory = t.testdir({ etc: { "lintel.yaml": pythonFile(1) } });
  const setting = setUp(t, join(directory, "etc/lintel.yaml"));
  await setting.start();
  await rm(join(directory, "etc"), { recursive: true });
  await logs(setting, /there is no such file$/);
  await mkdir(join(directory, "etc"));
  await writeFile(setting.path, pythonFile(5));
  await applies(setting, "2:5");
});

void t.test("a file that is truncated and then written is read when it has settled", async (t) => {
  const setting = await started(t, { settleMs: 300 });
  await truncate(setting.path);
  const text = pythonFile(6, 7);
  for (let at = 0; at < text.length; at += 10) await appendFile(setting.path, text.slice(at, at + 10));
  await applies(setting, "2:6 7");
  t.same(setting.log.filter((line) => line.startsWith("error")), [], "the empty file was not taken for a configuration");
});

void t.test("a bad file changes nothing and is reported once; a good one after it is applied", async (t) => {
  const setting = await started(t);
  await writeFile(setting.path, "langauges: {}\nshards: 0\n");
  await logs(setting, /the configuration before it stays active .*revision=1$/);
  t.same(setting.log.filter((line) => line.startsWith("error")), [
    `error: ${setting.path}:1:1: langauges: unknown key; did you mean "languages"?`,
    `error: ${setting.path}:2:9: shards: found the number 0, expected auto or a whole number from 1 to 256`,
    `error: the configuration file was refused; the configuration before it stays active file=${setting.path} revision=1`,
  ]);
  await writeFile(`${setting.path}.new`, "langauges: {}\nshards: 0\n");
  await rename(`${setting.path}.new`, setting.path);
  await writeFile(setting.path, pythonFile(8));
  await applies(setting, "2:8");
  t.same(setting.applied, ["1:1", "2:8"], "the refused file used up no revision");
  t.equal(setting.log.filter((line) => line.includes("was refused")).length, 1, "the same bad content is not news");
});

void t.test("the content that is active, put back after a bad one, is no change", async (t) => {
  const setting = await started(t);
  await writeFile(setting.path, "shards: 0\n");
  await logs(setting, /was refused/);
  await writeFile(setting.path, pythonFile(1));
  await logs(setting, /says again what is active/);
  t.same(setting.applied, ["1:1"]);
});

void t.test("a reload tells what it did", async (t) => {
  // Nothing is noticed in this test but by asking.
  const setting = await started(t, { settleMs: 60_000, pollMs: 60_000 });
  t.same(await setting.file.reload(), { kind: "unchanged", revision: 1 });
  await writeFile(setting.path, `# a comment\n${pythonFile(1)}`);
  t.same(await setting.file.reload(), { kind: "unchanged", revision: 1 }, "a comment is no change");
  await writeFile(setting.path, pythonFile(2));
  t.same(await setting.file.reload(), { kind: "applied", revision: 2, warnings: [], late: "" });
  await writeFile(setting.path, "shards: 0");
  const refused = { kind: "refused", problems: [`${setting.path}:1:9: shards: found the number 0, expected auto or a whole number from 1 to 256`] };
  t.same(await setting.file.reload(), refused);
  t.same(await setting.file.reload(), refused, "also when it was told before");
  await rm(setting.path);
  t.same(await setting.file.reload(), { kind: "refused", problems: [`${setting.path}: there is no such file`] });
});

void t.test("what the consumer refuses is not active, and is tried again when asked", async (t) => {
  const setting = await started(t);
  setting.answer = { kind: "refused", reason: "shard 1 is gone" };
  await writeFile(setting.path, pythonFile(2));
  await logs(setting, /lintel\.yaml: not applied: shard 1 is gone$/);
  t.match(await setting.file.reload(), { kind: "refused", problems: [/not applied: shard 1 is gone$/] });
  setting.answer = { kind: "applied" };
  t.same(await setting.file.reload(), { kind: "applied", revision: 2, warnings: [], late: "" });
});

void t.test("reloads at once are done one after the other", async (t) => {
  const setting = await started(t, { settleMs: 60_000, pollMs: 60_000 });
  await writeFile(setting.path, pythonFile(2));
  const outcomes = await Promise.all([setting.file.reload(), setting.file.reload(), setting.file.reload()]);
  t.same(outcomes.map(({ kind }) => kind), ["applied", "unchanged", "unchanged"]);
});

void t.test("a setting that needs a restart is a warning that names both values", async (t) => {
  const setting = await started(t, { settleMs: 60_000, pollMs: 60_000, liveSettings: ["limits."] });
  const goesOn = (key: string, wanted: string, running: string): string => `${setting.path}: ${key}: the file says ${wanted}, this process goes on with ${running}; restart it for the change`;
  await writeFile(setting.path, `http: { listen: "127.0.0.1:1" }\nshards: 2\nlimits: { deadlineMs: 1m }\n${pythonFile(1)}`);
  t.same(await setting.file.reload(), { kind: "applied", revision: 2, warnings: [goesOn("http.listen", "127.0.0.1:1", "127.0.0.1:8080"), goesOn("shards", "2", "auto")], late: "" });
  await writeFile(setting.path, `http: { listen: "127.0.0.1:1" }\n${pythonFile(2)}`);
  t.same(await setting.file.reload(), { kind: "applied", revision: 3, warnings: [goesOn("http.listen", "127.0.0.1:1", "127.0.0.1:8080")], late: "" }, "as long as it holds");
});

void t.test("without a good file there is no start", async (t) => {
  const directory = t.testdir({ "bad.yaml": "shards: 0\nhtpp: 1\n", "run.yaml": 'languages: { css: { versions: [{ version: "1", run: { builtin: css } }] } }', "latin1.yaml": Buffer.from("# ok\n# caf\xe9\n", "latin1"), "utf16.yaml": Buffer.from("\uFEFFshards: 1", "utf16le"), "huge.yaml": "#".repeat(2_000) });
  await symlink("loop.yaml", join(directory, "loop.yaml"));
  const sentences: [string, RegExp][] = [
    ["bad.yaml", /bad\.yaml:1:9: shards: .*\n.*bad\.yaml:2:1: htpp: unknown key; did you mean "http"\?$/],
    ["run.yaml", /run\.yaml:1:48: .*\.run: a balancer does not start linters; /],
    ["missing.yaml", /missing\.yaml: there is no such file$/],
    ["bad.yaml/x", /x: there is no such file: a part of its path is not a directory$/],
    ["", /this is a directory; expected the configuration file itself$/],
    ["loop.yaml", /loop\.yaml: its symbolic links lead in a circle$/],
    ["latin1.yaml", /latin1\.yaml:2:6: a byte that is not UTF-8; save the file as UTF-8$/],
    ["utf16.yaml", /utf16\.yaml:1:1: this is UTF-16; save the file as UTF-8$/],
    ["huge.yaml", /huge\.yaml: larger than 1000B, the largest configuration file that is read$/],
  ];
  for (const [name, pattern] of sentences) {
    const setting = setUp(t, join(directory, name), { fileBytesMax: 1_000 });
    for (const attempt of [() => setting.file.load(), () => setting.start()]) {
      const error: unknown = await attempt().then(() => undefined, (thrown: unknown) => thrown);
      t.ok(error instanceof UserError && pattern.test(error.message), `${name}: ${String(error)}`);
    }
    t.same(setting.log, [], "it is thrown, not logged");
  }
  await t.rejects(setUp(t, "/dev/zero").file.load(), /zero: this is a pipe or a device; expected a file that can be read again when it changes$/);
});

void t.test("a file this user may not read is named", async (t) => {
  const path = join(t.testdir(), "secret.yaml");
  await writeFile(path, "", { mode: 0 });
  const root = process.geteuid?.() === 0;
  const { file } = setUp(t, path);
  // Root may read everything: be "nobody" for a moment.
  if (root) process.seteuid?.(65_534);
  try {
    await t.rejects(file.load(), /secret\.yaml: this user may not read it; give it read permission$/);
  } finally {
    if (root) process.seteuid?.(0);
  }
});

void t.test("a byte order mark is no part of the file", async (t) => {
  const setting = setUp(t, join(t.testdir({ "lintel.yaml": `\uFEFF${pythonFile(1)}` }), "lintel.yaml"));
  t.equal(portsOf(await setting.file.load()), "1");
});

void t.test("nothing is applied after the stop", async (t) => {
  const setting = await started(t);
  await writeFile(setting.path, pythonFile(2));
  await setting.file.stop();
  const until = setting.applied.length;
  const other = await started(t);
  await writeFile(setting.path, pythonFile(3));
  await writeFile(other.path, pythonFile(3));
  await applies(other, "2:3");
  t.equal(setting.applied.length, until, "while one beside it noticed the same change");
});
