#!/usr/bin/env node
/** The map: which command exists and which file it loads. No logic. */
import { run } from "./commands/program.js";

await run({
  check: { summary: "check a configuration file, and print its JSON Schema", load: () => import("./commands/check.js") },
});
