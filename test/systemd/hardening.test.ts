// systemd's own judgement of the units: they are understood completely, and what they leave open is little.
import { spawnSync } from "node:child_process";
import { mkdtempSync, copyFileSync, readdirSync, rmSync, writeFileSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { repositoryRoot } from "../support/source-module.js";

const missing = spawnSync("systemd-analyze", ["--version"]).status !== 0;
const skip = missing && process.env["LINTEL_REQUIRE_SYSTEM"] !== "1" && "systemd is not installed (Debian: apt-get install systemd)";

/** The units in a folder of their own, with a program that exists: what verify looks for. */
function unitsFolder(): { readonly path: string; readonly services: readonly string[] } {
  const path = mkdtempSync(join(tmpdir(), "lintel-units-"));
  for (const name of readdirSync(join(repositoryRoot, "systemd")).filter((name) => /\.(service|target)$/.test(name))) {
    const own = name.replace("@.", "@python.");
    copyFileSync(join(repositoryRoot, "systemd", name), join(path, own));
    writeFileSync(join(path, own), readFileSync(join(path, own), "utf8").replaceAll("/usr/local/bin/lintel", "/bin/true"));
  }
  return { path, services: readdirSync(path).filter((name) => name.endsWith(".service")) };
}

void t.test("systemd-analyze verify has nothing to say", { skip }, (t) => {
  const { path, services } = unitsFolder();
  t.teardown(() => rmSync(path, { recursive: true }));
  t.same(services, ["lintel-balancer.service", "lintel-linter@python.service", "lintel-manager.service"]);
  const verify = (): string => {
    const { stdout, stderr } = spawnSync("systemd-analyze", ["verify", ...services.map((name) => join(path, name)), join(path, "lintel.target")], { encoding: "utf8", env: { ...process.env, SYSTEMD_UNIT_PATH: `${path}:` } });
    // It returns 0 for keys it does not know: what it prints counts.
    return (stdout + stderr).split("\n").filter((line) => line.includes("lintel")).join("\n");
  };
  t.equal(verify(), "");
  writeFileSync(join(path, services[0] ?? ""), "[Service]\nExecStart=/bin/true\nProtectEverything=yes\n");
  t.match(verify(), /ProtectEverything/, "and it would find a key that does not exist");
  t.end();
});

void t.test("systemd-analyze security scores every service at most 2.0", { skip }, (t) => {
  const { path, services } = unitsFolder();
  t.teardown(() => rmSync(path, { recursive: true }));
  for (const name of services) {
    const { status, stdout, stderr } = spawnSync("systemd-analyze", ["security", "--offline=true", "--threshold=20", "--no-pager", join(path, name)], { encoding: "utf8" });
    t.equal(status, 0, stderr);
    t.match(stdout, /Overall exposure level for .*: [01]\.\d/, name);
  }
  t.end();
});
