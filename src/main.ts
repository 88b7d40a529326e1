#!/usr/bin/env node
/** The map: which command exists and which file it loads. No logic. */
import { run } from "./commands/supported-node.js";

void run({
  up: { summary: "everything on this machine: balancer and linters", load: () => import("./commands/up.js") },
  balancer: { summary: "the data plane alone, for workers that run elsewhere", load: () => import("./commands/balancer.js") },
  linter: { summary: "one worker: serves one language over gRPC", load: () => import("./commands/linter.js") },
  manager: { summary: "the control plane: versions, weights, workers", load: () => import("./commands/manager.js") },
  admin: { summary: "the administrators' client: register, weights, status, undo …", load: () => import("./commands/admin.js") },
  lint: { summary: "lint files through the service", load: () => import("./commands/lint.js") },
  bench: { summary: "the bundled benchmarks, against nginx and HAProxy", load: () => import("./commands/bench.js") },
  completion: { summary: "completion of commands, flags and live names for bash, zsh and fish", load: () => import("./commands/completion.js") },
  check: { summary: "check a configuration file, and print its JSON Schema", load: () => import("./commands/check.js") },
});
