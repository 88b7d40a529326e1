import { spawnSync } from "node:child_process";
import t from "tap";
import type { Clock } from "../../src/base/clock.js";
import { Progress, wantsColor } from "../../src/client/terminal.js";
import { folderWith, mainPath, runProcess } from "../support/run-lintel.js";
import { startStandIn } from "../support/stand-in-service.js";

void t.test("colour: the flag, then NO_COLOR, then FORCE_COLOR, then the terminal", (t) => {
  t.equal(wantsColor("always", { NO_COLOR: "1" }, false), true);
  t.equal(wantsColor("never", { FORCE_COLOR: "1" }, true), false);
  t.equal(wantsColor("auto", {}, true), true);
  t.equal(wantsColor("auto", {}, false), false);
  t.equal(wantsColor("auto", { CI: "true" }, undefined), false, "a pipe has no isTTY");
  t.equal(wantsColor("auto", { NO_COLOR: "1", FORCE_COLOR: "1" }, true), false);
  t.equal(wantsColor("auto", { NO_COLOR: "" }, true), true);
  t.equal(wantsColor("auto", { FORCE_COLOR: "1" }, false), true);
  t.equal(wantsColor("auto", { FORCE_COLOR: "0" }, true), false);
  t.equal(wantsColor("auto", { TERM: "dumb" }, true), false);
  t.end();
});

/** Time that passes when told. */
function handClock(): Clock & { pass(ms: number): void } {
  let nowMs = 0;
  const timers = new Set<{ atMs: number; periodMs: number; callback: () => void }>();
  const start = (delayMs: number, periodMs: number, callback: () => void): object => {
    const timer = { atMs: nowMs + delayMs, periodMs, callback };
    timers.add(timer);
    return timer;
  };
  return {
    nowMs: () => nowMs,
    wallMs: () => nowMs,
    after: (delayMs, callback) => start(delayMs, 0, callback),
    every: (periodMs, callback) => start(periodMs, periodMs, callback),
    clear: (timer) => timers.delete(timer as never),
    pass(ms) {
      for (let step = 0; step < ms; step++) {
        nowMs++;
        for (const timer of [...timers]) {
          if (timer.atMs > nowMs) continue;
          if (timer.periodMs > 0) timer.atMs += timer.periodMs;
          else timers.delete(timer);
          timer.callback();
        }
      }
    },
  };
}

void t.test("progress waits for a second, rewrites its line and takes it away", (t) => {
  const clock = handClock();
  const written: string[] = [];
  const progress = new Progress({ total: 9, clock, write: (text) => written.push(text) });
  progress.settled();
  clock.pass(999);
  t.same(written, []);
  clock.pass(1);
  t.same(written, ["\r\u001b[Klinting 1/9 …"]);
  progress.settled();
  clock.pass(100);
  t.equal(written.at(-1), "\r\u001b[Klinting 2/9 …");
  progress.stop();
  t.equal(written.at(-1), "\r\u001b[K");
  const count = written.length;
  clock.pass(1000);
  t.equal(written.length, count, "nothing after the end");
  t.end();
});

void t.test("a run shorter than a second shows no progress", (t) => {
  const clock = handClock();
  const written: string[] = [];
  const progress = new Progress({ total: 9, clock, write: (text) => written.push(text) });
  clock.pass(500);
  progress.stop();
  clock.pass(5000);
  t.same(written, []);
  t.end();
});

const noPty = spawnSync("script", ["--version"]).error !== undefined ? "script(1) is not installed" : false;

void t.test("on a real terminal: progress when slow, then grouped and coloured", { skip: noPty }, async (t) => {
  const folder = folderWith({ "a.py": "error!", "b.py": "" });
  const service = await startStandIn({ fault: ({ filename }) => (filename === "b.py" ? { kind: "slow", ms: 2500 } : undefined) });
  t.teardown(async () => {
    folder.remove();
    await service.close();
  });
  const onTerminal = (flags: string, env: Record<string, string>) =>
    runProcess("script", ["-qec", `"${process.execPath}" "${mainPath}" lint . ${flags}`, "/dev/null"], { cwd: folder.path, env: { LINTEL_URL: service.url, TERM: "xterm", ...env } });
  const [colored, plain, file] = await Promise.all([onTerminal("", {}), onTerminal("", { NO_COLOR: "1" }), onTerminal("-q --format json", {})]);
  t.equal(colored.code, 1);
  t.match(colored.stdout, "\r\u001b[Klinting 1/2 …");
  t.match(colored.stdout, "\u001b[4ma.py\u001b[24m");
  t.match(colored.stdout, "\u001b[K\u001b[4ma.py", "the progress line is gone before the findings come");
  t.match(plain.stdout, "a.py\r\n  1:1  error  shout  there is error!\r\n\r\n✖ 1 problem in 2 files (1 error)\r\n");
  t.notMatch(plain.stdout, "\u001b[3");
  t.match(file.stdout, /^\[\{"filename":"a\.py"/, "quiet: no progress, and only text is prettier on a terminal");
});
