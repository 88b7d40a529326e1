#!/usr/bin/env node
/** The map: which command exists and which file it loads. No logic. */
import { run } from "./commands/program.js";

await run({
  linter: { summary: "one worker: serves one language over gRPC", load: () => import("./commands/linter.js") },
  lint: { summary: "lint files through the service", load: () => import("./commands/lint.js") },
  check: { summary: "check a configuration file, and print its JSON Schema", load: () => import("./commands/check.js") },
});
