// Locks between processes: one holder at a time, who says who it is, and nothing left of it when it is killed.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import t from "tap";
import { systemClock } from "../../src/base/clock.js";
import { askHolder, lockWithin, tryLock } from "../../src/base/process-lock.js";
import { waitUntil } from "../support/wait-until.js";

const nameOf = (what: string): string => `lintel-test-${process.pid}-${what}`;
const modulePath = new URL("../../src/base/process-lock.js", import.meta.url).href;

void t.test("a lock has one holder, who answers, until it is released", async (t) => {
  const name = nameOf("one");
  t.equal(await askHolder(name), "", "nobody has it");
  const lock = await tryLock(name, "held by a test");
  t.ok(lock);
  t.equal(await tryLock(name), undefined, "also not twice by one process");
  t.equal(await askHolder(name), "held by a test");
  // Somebody who asks and never hangs up does not hold up the release.
  const idle = connect({ path: `\0${name}`, allowHalfOpen: true }).on("error", () => undefined);
  await once(idle, "connect");
  await lock?.release();
  idle.destroy();
  const again = await tryLock(name);
  t.ok(again, "released, it is free");
  await again?.release();
});

void t.test("a killed process holds nothing", async (t) => {
  const name = nameOf("killed");
  const child = spawn(process.execPath, ["--input-type=module", "-e", `import { tryLock } from ${JSON.stringify(modulePath)}; await tryLock(${JSON.stringify(name)}); setInterval(() => {}, 1000);`], { stdio: "inherit" });
  t.teardown(() => child.kill("SIGKILL"));
  await waitUntil("the child to hold the lock", async () => (await askHolder(name)) === String(child.pid));
  t.equal(await lockWithin(name, 50, 5, systemClock), undefined, "in vain while it lives");
  const waiting = lockWithin(name, 10_000, 5, systemClock);
  child.kill("SIGKILL");
  const lock = await waiting;
  t.ok(lock);
  await lock?.release();
});

void t.test("a name that the system would cut is refused", async (t) => {
  await t.rejects(tryLock("x".repeat(101)), /at most 100 bytes/);
});
