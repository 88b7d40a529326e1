// systemd/README.md taken at its word: what it says to type installs the services, starts them with the machine, and removes them. The
// program is the one executable file. npm run test:systemd
import { readFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { repositoryRoot } from "../support/source-module.js";
import { labLackingBecause, SystemdLab } from "../support/systemd-lab.js";

const page = readFileSync(join(repositoryRoot, "systemd/README.md"), "utf8");
const services = ["lintel-balancer", "lintel-linter@python-1", "lintel-linter@python-2"];

const lacking = labLackingBecause();
if (lacking === "") run(t);
else if (process.env["LINTEL_REQUIRE_SYSTEM"] === "1") t.fail(lacking);
else t.pass("not tried", { skip: lacking });

function run(t: Test): void {
  const lab = SystemdLab.up();
  t.teardown(() => lab.down());
  // A machine that has seen nothing of Lintel yet; what was copied from one that has.
  lab.shell("rm -rf /etc/systemd/system/lintel* /etc/systemd/system/*.conf /etc/lintel /usr/local/bin/lintel; systemctl daemon-reload");
  lab.shell("tar -cf /tmp/lintel.tar -C /opt/lintel systemd -C dist lintel");

  void t.test("what it says to type installs and starts everything", (t) => {
    const [build = "", install = ""] = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, commands = ""]) => commands);
    t.match(build, /tar -cf lintel\.tar systemd -C dist lintel$/m, "the same archive");
    lab.write("/tmp/install.sh", install);
    const { output } = lab.run("bash", "-c", "cd /tmp && bash install.sh");
    t.match(output, /lintel\.yaml is valid/);
    t.match(output, /:1:8: warning F401/, "a user is served");
    for (const service of [...services, "lintel.target"]) {
      t.equal(lab.property(service, "ActiveState"), "active", service);
      t.equal(lab.run("systemctl", "is-enabled", service).output.trim(), "enabled", service);
    }
    t.end();
  });

  void t.test("they start with the machine", (t) => {
    lab.shell("systemctl stop lintel.target 'lintel-*'");
    for (const service of services) t.equal(lab.property(service, "ActiveState"), "inactive", service);
    lab.shell("systemctl start multi-user.target");
    for (const service of services) t.equal(lab.property(service, "ActiveState"), "active", service);
    t.end();
  });

  void t.test("the program is replaced while it runs, and what it says to type removes everything", (t) => {
    lab.shell("cd /tmp && install lintel /usr/local/bin/");
    const row = page.split("\n").find((line) => line.startsWith("| remove |")) ?? "";
    const commands = [...row.matchAll(/`([^`]+)`/g)].map(([, command = ""]) => command);
    t.equal(commands.length, 3);
    // Where the settings of the kernel were refused, as in this lab, their file is there all the same.
    for (const command of commands) t.equal(lab.run("bash", "-c", command).code, 0, command);
    t.equal(lab.run("pgrep", "-f", "^/usr/local/bin/lintel").code, 1, "no process");
    t.equal(lab.shell("ls -d /etc/lintel* /etc/systemd/system/*lintel* /etc/systemd/system/*/lintel* /var/lib/lintel* /var/lib/private/lintel* /usr/local/bin/lintel 2>/dev/null || true"), "", "no file");
    t.end();
  });
}
