// The manager's unit under a real systemd: ready, with workers that outlive a crash of it, with credentials, stopped without a trace.
// The program is the one executable file. npm run test:systemd
import t, { type Test } from "tap";
import type { StatusDocument } from "../../src/client/admin-documents.js";
import { labLackingBecause, SystemdLab } from "../support/systemd-lab.js";
import { waitUntil } from "../support/wait-until.js";

const manager = "lintel-manager.service";
const balancer = "lintel-balancer.service";
/** Of the service manager, on a machine that is busy with other tests. */
const boundMs = 30_000;

const lacking = labLackingBecause();
if (lacking === "") run(t);
else if (process.env["LINTEL_REQUIRE_SYSTEM"] === "1") t.fail(lacking);
else t.pass("not tried", { skip: lacking });

function run(t: Test): void {
  const lab = SystemdLab.up();
  t.teardown(() => lab.down());
  const workers = (): readonly [string, StatusDocument["workers"][string]][] => Object.entries((JSON.parse(lab.shell("lintel admin workers -o json")) as StatusDocument).workers);
  const pids = (): number[] => workers().map(([, { pid }]) => pid);
  const areListening = (count: number) => (): boolean => workers().filter(([, { state }]) => state === "listening").length === count;

  void t.test("systemctl start returns when administrators are answered; a balancer follows", async (t) => {
    lab.write("/etc/lintel/balancer.env", "LINTEL_OPTIONS=--link=manager:127.0.0.1:9900 --name=edge --listen=127.0.0.1:8080 --shards=1\n");
    lab.shell(`systemctl start ${manager}`);
    t.equal(lab.property(manager, "ActiveState"), "active");
    t.match(lab.property(manager, "StatusText"), /^at 127\.0\.0\.1:9900 since revision 0$/);
    lab.shell("lintel admin register json 1.0 --builtin json --replicas 2 --weight 1");
    lab.shell(`systemctl start ${balancer}`);
    t.match(lab.shell("lintel admin status --wait -o json"), /"acked": ?1/);
    await waitUntil("both workers to listen", areListening(2), boundMs);
    t.match(lint(lab), /"rule":"ColonExpected"/);
  });

  void t.test("a manager that crashes leaves its workers to the next one", async (t) => {
    const before = pids();
    const mainPid = lab.property(manager, "MainPID");
    lab.shell(`systemctl kill --signal=KILL --kill-whom=main ${manager}`);
    t.match(lint(lab), /ColonExpected/, "users are served meanwhile");
    await lab.until(manager, "NRestarts", (text) => text === "1");
    await lab.until(manager, "ActiveState", (state) => state === "active");
    t.not(lab.property(manager, "MainPID"), mainPid);
    t.same(pids(), before, "the same processes");
    t.match(lab.log(manager), /taking over a worker of an earlier manager/);
    lab.shell("lintel admin weights json 1.0=7 --wait");
    t.match(lint(lab), /ColonExpected/);
  });

  void t.test("a manager that hangs is ended by the watchdog, and leaves its workers as well", async (t) => {
    lab.write(`/etc/systemd/system/${manager}.d/test.conf`, "[Service]\nWatchdogSec=3\n");
    lab.shell(`systemctl daemon-reload; systemctl restart ${manager}`);
    await waitUntil("both workers to listen", areListening(2), boundMs);
    const [before, mainPid] = [pids(), lab.property(manager, "MainPID")];
    lab.shell(`systemctl kill --signal=STOP --kill-whom=main ${manager}`);
    await waitUntil("another manager", () => !["0", mainPid].includes(lab.property(manager, "MainPID")) && lab.property(manager, "ActiveState") === "active", boundMs);
    t.same(pids(), before, "the same processes");
  });

  void t.test("options come from its file or a drop-in, tokens from a file or a credential", async (t) => {
    lab.write("/etc/lintel/tokens", "viewer eve viewer-token-0123456789\nbalancer edge balancer-token-0123456789\n");
    lab.write("/etc/lintel/eve", "viewer-token-0123456789\n");
    // As in the unit's head. That a service sees its credentials is systemd's to do, and not possible in every lab.
    lab.write(`/etc/systemd/system/${manager}.d/test.conf`, "[Service]\nLoadCredential=tokens:/etc/lintel/tokens\nEnvironment=LINTEL_OPTIONS=--tokens-file=%d/tokens\n");
    lab.shell("systemctl daemon-reload");
    t.match(lab.property(manager, "Environment"), `LINTEL_OPTIONS=--tokens-file=/run/credentials/${manager}/tokens`);
    lab.shell(`rm /etc/systemd/system/${manager}.d/test.conf; systemctl daemon-reload`);

    lab.write("/etc/lintel/manager.env", "LINTEL_OPTIONS=--tokens-file=/etc/lintel/tokens\n");
    lab.shell(`systemctl restart ${manager}`);
    t.equal(lab.run("lintel", "admin", "status").code, 6, "nobody is let in without one");
    t.equal(lab.run("lintel", "admin", "undo", "--token-file", "/etc/lintel/eve").code, 6);
    t.match(lab.shell("lintel admin status -o json --token-file /etc/lintel/eve"), /"revision": ?2/);
    lab.shell(`rm /etc/lintel/manager.env; systemctl restart ${manager}`);
    await waitUntil("both workers to listen", areListening(2), boundMs);
  });

  void t.test("it has no more rights than it needs", (t) => {
    for (const pid of [lab.property(manager, "MainPID"), ...pids().map(String)]) {
      const status = lab.shell(`cat /proc/${pid}/status`);
      t.match(status, /^CapEff:\s+0+$/m, `${pid} has no capability`);
      t.match(status, /^NoNewPrivs:\s+1$/m);
      t.match(status, /^Seccomp:\s+2$/m);
      t.notMatch(status, /^Uid:\s+0\s/m, `${pid} is not root`);
    }
    t.end();
  });

  void t.test("systemctl stop ends it and its workers, and nothing is left", async (t) => {
    lab.shell(`systemctl stop ${balancer} ${manager}`);
    t.equal(lab.property(manager, "ActiveState"), "inactive");
    t.equal(lab.property(manager, "Result"), "success");
    await waitUntil("no process of ours", () => lab.run("pgrep", "-f", "/lintel").code !== 0);
    t.notMatch(lab.log(manager), /State 'stop-sigterm' timed out/);
  });
}

function lint(lab: SystemdLab): string {
  return lab.run("curl", "-s", "--data-binary", '{"a" 1}', "http://127.0.0.1:8080/v1/lint/json").output;
}
