/**
 * Loaded before every test (scripts/test.mjs): keeps the test runner's own preload out of the processes that a test starts,
 * so that they are what users start. With it each takes twice as long to start and sees variables that are not theirs.
 * So are wishes about colour, of whoever runs the tests.
 */
/** Says that no coverage is wanted; without it the runner measures it in this process. */
const coverageSwitch = "_TAPJS_PROCESSINFO_COVERAGE_";
for (const name of Object.keys(process.env)) {
  if (["NODE_OPTIONS", "FORCE_COLOR", "NO_COLOR"].includes(name) || (name.startsWith("_TAPJS_") && name !== coverageSwitch)) Reflect.deleteProperty(process.env, name);
}

/** Where process-on-spawn, which the runner uses for it, keeps what it does to every child's environment. */
const singleton = Symbol.for("process-on-spawn@*:singletonId");
const state = (globalThis as Record<symbol, unknown>)[singleton] as { listeners: unknown[] } | undefined;
if (state !== undefined) state.listeners.length = 0;
