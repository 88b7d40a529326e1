/** Programs from Debian that tests talk to: absent ones skip their tests, unless LINTEL_REQUIRE_SYSTEM=1 says that they must be there. */
import { spawnSync } from "node:child_process";

/** The reason to skip, or false. `probe` is a command that succeeds when the package is installed. */
export function missing(debianPackage: string, probe: readonly [string, ...string[]]): string | false {
  const [command, ...args] = probe;
  if (spawnSync(command, args, { stdio: "ignore" }).status === 0) return false;
  const sentence = `needs Debian's ${debianPackage} (apt-get install ${debianPackage})`;
  if (process.env["LINTEL_REQUIRE_SYSTEM"] === "1") throw new Error(`LINTEL_REQUIRE_SYSTEM=1, but this ${sentence}`);
  return sentence;
}
