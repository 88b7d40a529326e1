/**
 * A local platform in a process of its own, to be killed: `node platform-process.js STATE-FILE PROGRAM-VERSION WANTED-JSON`. Prints its
 * workers as a line of JSON after every change.
 */
import { systemClock } from "../../src/base/clock.js";
import { createLogger } from "../../src/base/logger.js";
import { defaultLocalPlatformOptions, LocalPlatform } from "../../src/manager/platform/local-platform.js";
import type { WantedVersion } from "../../src/manager/platform/platform.js";

const [stateFile = "", program = "", wanted = "[]"] = process.argv.slice(2);
const platform = new LocalPlatform({ ...defaultLocalPlatformOptions, program, stateFile, outlive: true }, systemClock, createLogger());
platform.onChange(() => process.stdout.write(`${JSON.stringify(platform.workers())}\n`));
platform.want(JSON.parse(wanted) as WantedVersion[]);
// Until it is killed.
setInterval(() => undefined, 60_000);
