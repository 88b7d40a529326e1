/**
 * Runs a test file inside a network namespace of its own: with settings of the kernel that the host keeps as
 * they are, with every port free, and with segments as on a real network: with loopback's of 64 KiB a small socket buffer
 * holds less than the two segments that are acknowledged at once.
 */
import { spawnSync } from "node:child_process";
import type { Test } from "tap";

const marker = "LINTEL_TEST_NAMESPACE";
/** Longer than any of these tests takes on a busy machine. */
const timeoutMs = 240_000;

/** Whether this process runs in a namespace that `runInNamespace` made. */
export const isInNamespace = process.env[marker] === "1";

/**
 * Runs the file at `path` in a new namespace with these settings (`net.ipv4.tcp_migrate_req`: "1"), as a subtest. Where that is not
 * possible the test is skipped, or fails when the environment says that all of the system must be there.
 */
export async function runInNamespace(t: Test, path: string, settings: Readonly<Record<string, string>>): Promise<void> {
  const lacking = lackingBecause();
  if (lacking !== "") {
    if (process.env["LINTEL_REQUIRE_SYSTEM"] === "1") t.fail(lacking);
    else t.pass("not tried", { skip: lacking });
    return;
  }
  const sets = Object.entries(settings).map(([name, value]) => `echo "${value}" > /proc/sys/${name.replaceAll(".", "/")}`);
  const script = ["set -e", "ip link set lo mtu 1500 up", ...sets, 'exec "$0" "$@"'].join("\n");
  await t.spawn("unshare", ["--net", "sh", "-c", script, process.execPath, ...process.execArgv, path], { env: { ...process.env, [marker]: "1" }, timeout: timeoutMs }, "in a network namespace");
}

/** "" when namespaces can be had. */
function lackingBecause(): string {
  if (process.platform !== "linux") return "network namespaces are Linux's";
  if (process.getuid?.() !== 0) return "a network namespace of its own needs root";
  for (const [program, args] of [["unshare", ["--net", "true"]], ["ip", ["link", "show", "lo"]]] as const) {
    const { status, error } = spawnSync(program, args, { stdio: "ignore" });
    if (error !== undefined) return `${program} is not installed`;
    if (status !== 0) return `${program} ${args.join(" ")} is not allowed here`;
  }
  return "";
}
