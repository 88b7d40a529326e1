// The units under a real systemd: start, readiness, reload, replacement under load, watchdog, crash, stop; what they may not do.
// The program is the one executable file. npm run test:systemd
import { once } from "node:events";
import t, { type Test } from "tap";
import { labLackingBecause, SystemdLab } from "../support/systemd-lab.js";
import { waitUntil } from "../support/wait-until.js";

const balancer = "lintel-balancer.service";
const linter = "lintel-linter@json.service";
const configuration = `shards: 2
http: { listen: "127.0.0.1:8080" }
limits: { drainQuietMs: 500ms }
languages:
  json:
    versions:
      - { version: "3.3.1", weight: 1, workers: ["127.0.0.1:7071"] }
`;

const lacking = labLackingBecause();
if (lacking === "") run(t);
else if (process.env["LINTEL_REQUIRE_SYSTEM"] === "1") t.fail(lacking);
else t.pass("not tried", { skip: lacking });

function run(t: Test): void {
  const lab = SystemdLab.up();
  t.teardown(() => lab.down());
  t.before(() => {
    lab.write("/etc/lintel/lintel.yaml", configuration);
    lab.write("/etc/lintel/linter-json.env", "LINTEL_OPTIONS=--listen 127.0.0.1:7071 --threads 1\n");
  });

  void t.test("systemctl start returns when it serves", (t) => {
    lab.shell(`systemctl start ${linter} ${balancer}`);
    t.equal(lab.property(balancer, "ActiveState"), "active");
    t.match(lint(lab), /"rule":"ColonExpected"/);
    t.match(lab.property(balancer, "StatusText"), /serving on port 8080 with 2 shards/);
    t.match(lab.property(linter, "StatusText"), /serving json 3\.3\.1 on port 7071/);
    t.end();
  });

  void t.test("a second worker of a language has a name of its own", (t) => {
    lab.write("/etc/lintel/linter-json-2.env", "LINTEL_LANGUAGE=json\nLINTEL_OPTIONS=--listen 127.0.0.1:7073 --threads 1\n");
    lab.shell("systemctl start lintel-linter@json-2");
    t.match(lab.property("lintel-linter@json-2", "StatusText"), /serving json 3\.3\.1 on port 7073/);
    lab.shell("systemctl stop lintel-linter@json-2");
    t.end();
  });

  void t.test("systemctl reload reads the configuration, and says in the status what came of it", async (t) => {
    lab.write("/etc/lintel/lintel.yaml", configuration.replace("weight", "wieght"));
    lab.shell(`systemctl reload ${balancer}`);
    await lab.until(balancer, "StatusText", (text) => /refused; the one before it goes on serving/.test(text));
    t.match(lab.log(balancer), /wieght: unknown key; did you mean/);
    t.equal(lab.property(balancer, "ActiveState"), "active");
    lab.write("/etc/lintel/lintel.yaml", configuration.replace("weight: 1", "weight: 7"));
    lab.shell(`systemctl reload ${balancer}`);
    await lab.until(balancer, "StatusText", (text) => /serving revision 2/.test(text));
    t.match(lint(lab), /ColonExpected/);
  });

  void t.test("SIGUSR2 replaces the main process under load: nothing is lost, and systemd follows", async (t) => {
    const load = lab.start("node", "/opt/lintel/dist/test/support/load-program.js", "http://127.0.0.1:8080", "100");
    const ended = once(load, "close");
    let output = "";
    for (const stream of [load.stderr, load.stdout]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
    await waitUntil("the load to start", () => output.includes("started"));
    for (let replacement = 1; replacement <= 3; replacement++) {
      const before = lab.property(balancer, "MainPID");
      lab.shell(`systemctl kill --signal=USR2 --kill-whom=main ${balancer}`);
      await waitUntil("systemd to have another main process", () => !["0", before].includes(lab.property(balancer, "MainPID")), 30_000);
      await waitUntil("the old process to be gone", () => lab.run("kill", "-0", before).code !== 0, 30_000);
    }
    load.stdin.end();
    await ended;
    const { requests, failed } = JSON.parse(output.trim().split("\n").at(-1) ?? "") as { requests: number; failed: number };
    t.comment(`${failed} of ${requests} requests failed in 3 replacements`);
    t.ok(requests > 100);
    t.equal(failed, 0, output);
    t.equal(lab.property(balancer, "NRestarts"), "0", "systemd did not have to start it again");
    t.equal(lab.property(balancer, "ActiveState"), "active");
  });

  void t.test("a successor that cannot start leaves the old process serving", async (t) => {
    const before = lab.property(balancer, "MainPID");
    lab.write("/etc/lintel/lintel.yaml", "languages: 7\n");
    lab.shell(`systemctl kill --signal=USR2 --kill-whom=main ${balancer}`);
    await waitUntil("the log to say so", () => lab.log(balancer).includes("the successor did not take over"), 30_000);
    t.equal(lab.property(balancer, "MainPID"), before);
    t.match(lint(lab), /ColonExpected/);
    lab.write("/etc/lintel/lintel.yaml", configuration);
  });

  void t.test("a process that hangs is ended by the watchdog, one that crashes is started again", async (t) => {
    // Shorter than the unit's fifteen seconds, which a busy operator can afford and a test cannot.
    lab.write(`/etc/systemd/system/${linter}.d/test.conf`, "[Service]\nWatchdogSec=3\n");
    lab.shell(`systemctl daemon-reload; systemctl restart ${linter}`);
    const restarts = (): number => Number(lab.property(linter, "NRestarts"));
    lab.shell(`systemctl kill --signal=STOP --kill-whom=main ${linter}`);
    await waitUntil("the watchdog", () => restarts() === 1, 30_000);
    t.match(lab.log(linter), /Watchdog timeout/);
    await lab.until(linter, "ActiveState", (state) => state === "active");
    lab.shell(`systemctl kill --signal=KILL --kill-whom=main ${balancer}`);
    await lab.until(balancer, "NRestarts", (text) => text === "1");
    await lab.until(balancer, "ActiveState", (state) => state === "active");
    await waitUntil("users to be served again", () => lint(lab).includes("ColonExpected"));
    t.pass("both are back");
  });

  void t.test("so is a balancer that hangs, and users are served again", async (t) => {
    const dropIn = `/etc/systemd/system/${balancer}.d/test.conf`;
    lab.write(dropIn, "[Service]\nWatchdogSec=3\n");
    lab.shell(`systemctl daemon-reload; systemctl restart ${balancer}`);
    t.match(lint(lab), /ColonExpected/);
    const [mainPid, timeouts] = [lab.property(balancer, "MainPID"), watchdogTimeouts(lab)];
    t.equal(lab.property(balancer, "NRestarts"), "0");
    lab.shell(`systemctl kill --signal=STOP --kill-whom=main ${balancer}`);
    await waitUntil("the watchdog", () => lab.property(balancer, "NRestarts") === "1", 30_000);
    t.equal(watchdogTimeouts(lab), timeouts + 1);
    await lab.until(balancer, "ActiveState", (state) => state === "active");
    t.not(lab.property(balancer, "MainPID"), mainPid);
    await waitUntil("users to be served again", () => lint(lab).includes("ColonExpected"));
    lab.shell(`rm ${dropIn}; systemctl daemon-reload; systemctl restart ${balancer}`);
  });

  void t.test("limits hold, and nothing but the port and the own folder is open", (t) => {
    for (const unit of [balancer, linter]) {
      const pid = lab.property(unit, "MainPID");
      const status = lab.shell(`cat /proc/${pid}/status`);
      t.match(status, /^CapEff:\s+0+$/m, `${unit} has no capability`);
      t.match(status, /^NoNewPrivs:\s+1$/m);
      t.match(status, /^Seccomp:\s+2$/m);
      t.notMatch(status, /^Uid:\s+0\s/m, `${unit} is not root`);
      t.not(lab.run("nsenter", "-t", pid, "-m", "touch", "/etc/lintel/own").code, 0, "it may not write to /etc");
      t.not(lab.run("nsenter", "-t", pid, "-m", "touch", "/opt/lintel/own").code, 0, "nor to its program");
      t.equal(lab.run("nsenter", "-t", pid, "-m", "ls", "/home", "/root").output.replace(/\/(home|root):|ls: .*|\s/g, ""), "", "nor see a home");
    }
    t.not(lab.property(linter, "TasksMax"), "infinity");
    t.not(lab.property(linter, "MemoryMax"), "infinity");
    t.match(lab.property(linter, "IPAddressDeny"), /0\.0\.0\.0\/0/);
    t.end();
  });

  void t.test("a program that means harm is held by its worker's unit, and users get a typed error", async (t) => {
    const unit = "lintel-linter@harmful.service";
    lab.write(
      "/usr/local/lib/harmful",
      [
        "#!/bin/sh",
        "read -r word",
        'case "$word" in',
        "secret) cat /etc/shadow || exit 3 ;;",
        "home) ls /root || exit 3 ;;",
        "write) echo x > /usr/local/planted || exit 3 ;;",
        "large) exec head -c 100000000 /dev/zero > large ;;",
        // An end after all, should nothing stop it.
        "fork) i=0; while [ $i -lt 1000 ]; do sleep 1000 & i=$((i+1)); done; exit 3 ;;",
        '*) echo "x:1:1: fine" ;;',
        "esac",
      ].join("\n"),
    );
    lab.write("/etc/lintel/linter-harmful.env", "LINTEL_OPTIONS=--listen 127.0.0.1:7072 --threads 1 -- /usr/local/lib/harmful\n");
    lab.write("/etc/lintel/lintel.yaml", `${configuration}  harmful: { versions: [{ version: "unknown", weight: 1, workers: ["127.0.0.1:7072"] }] }\n`);
    lab.shell(`chmod 755 /usr/local/lib/harmful; systemctl start ${unit}; systemctl reload ${balancer}`);
    const ask = (word: string): string => lab.run("curl", "-s", "-w", "%{http_code}", "--data-binary", `${word}\n`, "http://127.0.0.1:8080/v1/lint/harmful").output;
    await waitUntil("the worker to serve", () => ask("ok").includes("fine"));
    t.match(ask("secret"), /shadow: Permission denied.*502$/s);
    t.match(ask("home"), /cannot (open|access).*502$/s);
    t.match(ask("write"), /cannot create \/usr\/local\/planted: Read-only file system.*502$/s);
    t.match(ask("large"), /"code":"analysis-killed".*422$|wrote a larger file than the system lets it.*422$/s);
    t.match(ask("fork"), /(Cannot fork|started more than \d+ processes).*(502|422)$/s, "it meets TasksMax, or its worker's own bound");
    t.match(ask("ok"), /fine.*200$/s, "and the next one is served, by the same worker");
    t.equal(lab.property(unit, "NRestarts"), "0");
    lab.shell(`systemctl stop ${unit}`);
  });

  void t.test("systemctl stop drains, and nothing is left", async (t) => {
    lab.shell(`systemctl stop ${balancer} ${linter}`);
    for (const unit of [balancer, linter]) {
      t.equal(lab.property(unit, "ActiveState"), "inactive");
      t.equal(lab.property(unit, "Result"), "success");
    }
    await waitUntil("no process of ours", () => lab.run("pgrep", "-f", "^/usr/local/bin/lintel").code !== 0);
    t.pass("no process is left");
  });
}

function watchdogTimeouts(lab: SystemdLab): number {
  return lab.log(balancer).split("Watchdog timeout").length - 1;
}

function lint(lab: SystemdLab): string {
  return lab.run("curl", "-s", "--data-binary", '{"a" 1}', "http://127.0.0.1:8080/v1/lint/json").output;
}
