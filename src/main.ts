#!/usr/bin/env node
/** The map: which command exists and which file it loads. No logic. */
import { run } from "./commands/program.js";

await run({
  linter: { summary: "serve one language: a worker", load: () => import("./commands/linter.js") },
});
