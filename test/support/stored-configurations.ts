/** Configurations and changes for tests of the manager. */
import fc from "fast-check";
import { type Change, type ChangeContext, type ChangeResult, defaultChangeLimits, type RegisterChange } from "../../src/manager/changes/change.js";
import { applyChange } from "../../src/manager/changes/changes.js";
import { emptyConfiguration, type StoredConfiguration } from "../../src/manager/stored-configuration.js";

export const context: ChangeContext = { who: "alice", reason: "a test", requestId: "", atUnixMs: 1_700_000_000_000, workers: [], limits: defaultChangeLimits };

/** Sparse: what is not given is nothing. */
export function registerChange(language: string, version: string, given: Partial<RegisterChange> = {}): RegisterChange {
  return { kind: "register", language, version, weight: 0, replicas: 0, workers: [], extensions: [], ...given };
}

export function weightsChange(language: string, weights: Readonly<Record<string, number>>): Change {
  return { kind: "weights", language, weights: Object.entries(weights).map(([version, weight]) => ({ version, weight })) };
}

/** The configuration after these changes, every one of which must be taken. */
export function configured(...changes: readonly Change[]): StoredConfiguration {
  return changes.reduce((current, change) => {
    const result = applyChange(current, change, context);
    if (result.kind === "next") return result.next;
    throw new Error(`${change.kind}: ${result.kind === "refused" ? result.message : "nothing changed"}`);
  }, emptyConfiguration);
}

/** The sentence against a change that must be refused. */
export function refusalOf(current: StoredConfiguration, change: Change, why: string): string {
  const result: ChangeResult = applyChange(current, change, context);
  if (result.kind === "refused" && result.why === why) return result.message;
  throw new Error(`expected a refusal (${why}), got ${JSON.stringify(result).slice(0, 400)}`);
}

/** Mostly good, now and then one of the bad: otherwise nearly every change would be refused. */
function mostly<T, U>(good: readonly T[], bad: readonly U[]): fc.Arbitrary<T | U> {
  return fc.oneof({ weight: 24, arbitrary: fc.constantFrom(...good) }, { weight: 1, arbitrary: fc.constantFrom(...bad) });
}

const language = mostly(["python", "css"], ["pyton", "c++"]);
const version = mostly(["1", "2.0", "3-rc.1"], ["0 0"]);
const weight = mostly([0, 0, 1, 50, 100], [-1, 0.5, 2_000_000]);
const replicas = mostly([0, 1, 2], [300]);
const address = mostly(["10.0.0.5:7070", "10.0.0.6:7070", "[fd00::5]:7070"], ["10.0.0.5", "host:0"]);
const source = fc.oneof(
  fc.record({ kind: fc.constant("builtin" as const), builtin: mostly(["python", "css"], ["pyhton"]) }),
  fc.record({ kind: fc.constant("image" as const), image: mostly(["lintel-python:2"], ["no image"]) }),
  fc.record({ kind: fc.constant("command" as const), command: mostly([["shellcheck", "-"]], [[]]), report: fc.constantFrom("" as const, "lines" as const) }),
);

/** Any change, sensible or not, on few enough names that changes meet each other. */
export const anyChange: fc.Arbitrary<Change> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("register" as const), language, version, weight, source, replicas, workers: fc.array(address, { maxLength: 2 }), extensions: fc.oneof({ weight: 9, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.constantFrom([".py"], [".x"], ["y"]) }) }, { requiredKeys: ["kind", "language", "version", "weight", "replicas", "workers", "extensions"] }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("unregister" as const), language, version }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("weights" as const), language, weights: fc.uniqueArray(fc.record({ version, weight }), { maxLength: 2, selector: (one) => one.version }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("scale" as const), language, version, replicas }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("drain" as const), workerId: fc.constantFrom("10.0.0.5:7070", "[fd00::5]:7070", "10.0.0.9:7070"), drained: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("undo" as const), revision: fc.nat(12) }) },
  { weight: 1, arbitrary: fc.constantFrom<Change>({ kind: "replace", languages: [] }, { kind: "replace", languages: configured(registerChange("python", "9", { weight: 1, source: { kind: "builtin", builtin: "python" } })).languages }) },
);
