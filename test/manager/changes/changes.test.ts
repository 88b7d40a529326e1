// Single changes and what is said of them, as an administrator reads it.
import t from "tap";
import { type ChangeContext, defaultChangeLimits } from "../../../src/manager/changes/change.js";
import { applyChange } from "../../../src/manager/changes/changes.js";
import { emptyConfiguration } from "../../../src/manager/stored-configuration.js";
import { configured, context, refusalOf, registerChange, weightsChange } from "../../support/stored-configurations.js";

const builtinPython = { kind: "builtin", builtin: "python" } as const;
const two = configured(
  registerChange("python", "0.17.3", { weight: 90, source: builtinPython, replicas: 2 }),
  registerChange("python", "0.18.0", { weight: 10, workers: ["10.0.0.5:7070", "10.0.0.6:7070"] }),
);

void t.test("register adds a version, its language and the well-known extensions", (t) => {
  const result = applyChange(emptyConfiguration, registerChange("python", "0.18.0", { weight: 5, source: builtinPython, replicas: 2 }), context);
  t.match(result, {
    kind: "next",
    differences: ["python: added", "python 0.18.0: added with weight 5", "python 0.18.0: run by builtin python, 2 workers"],
    warnings: [],
    next: {
      revision: 1,
      languages: [{ language: "python", extensions: [".py", ".pyi"], spill: true, versions: [{ version: "0.18.0", weight: 5, workers: [] }] }],
      history: [{ revision: 1, who: "alice", what: "register python 0.18.0 weight=5 builtin=python replicas=2", reason: "a test", before: { added: ["python"] } }],
    },
  });
  t.match(applyChange(two, registerChange("python", "1.0"), context), { warnings: ["python 1.0 has no workers until some register themselves: `lintel linter python --manager HOST:PORT`"] });
  t.match(applyChange(emptyConfiguration, registerChange("x", "1", { workers: ["h:1"] }), context), {
    warnings: ["no version of x has weight, so no request for it is answered; give some with `lintel admin weights x 1=100`"],
  });
  t.end();
});

void t.test("register again, just so, changes nothing; otherwise it says what there is", (t) => {
  const again = registerChange("python", "0.18.0", { weight: 10, workers: ["10.0.0.5:7070", "10.0.0.6:7070"] });
  t.same(applyChange(two, again, context), { kind: "unchanged", warnings: [] });
  t.match(refusalOf(two, { ...again, weight: 50 }, "not-now"), /^python 0\.18\.0 is registered already, differently \(workers at 10\.0\.0\.5:7070, 10\.0\.0\.6:7070, weight 10\); change its share with `lintel admin weights python …`/);
  t.end();
});

void t.test("register refuses what a configuration file could not hold", (t) => {
  t.match(refusalOf(two, registerChange("Python", "1"), "invalid"), '"Python" cannot be a language\'s name');
  t.match(refusalOf(two, registerChange("python", "a b"), "invalid"), '"a b" cannot be a version');
  t.match(refusalOf(two, registerChange("python", "1", { weight: -1 }), "invalid"), "the weight -1 of python 1 cannot be; expected a whole number from 0 to 1000000");
  t.match(refusalOf(two, registerChange("python", "1", { replicas: 2 }), "invalid"), "say what to run with --image, --command or --builtin");
  t.match(refusalOf(two, registerChange("python", "1", { replicas: 257, source: builtinPython }), "invalid"), "257 replicas cannot be; expected a whole number from 1 to 256");
  t.match(refusalOf(two, registerChange("python", "1", { source: { kind: "builtin", builtin: "pyhton" } }), "invalid"), 'there is no built-in linter "pyhton"; did you mean "python"? known: css, javascript');
  t.match(refusalOf(two, registerChange("python", "1", { source: { kind: "image", image: "a b" } }), "invalid"), '"a b" is no image');
  t.match(refusalOf(two, registerChange("python", "1", { source: { kind: "command", command: [], report: "" } }), "invalid"), "the command is empty");
  t.match(refusalOf(two, registerChange("python", "1", { workers: ["10.0.0.7"] }), "invalid"), '"10.0.0.7" is no worker\'s address; expected HOST:PORT, such as 10.0.0.5:7070 or [fd00::5]:7070; the port is missing');
  t.match(refusalOf(two, registerChange("python", "1", { workers: ["10.0.0.5:7070"] }), "invalid"), "the worker 10.0.0.5:7070 is of python 0.18.0 already");
  t.match(refusalOf(two, registerChange("python", "1", { workers: ["h:1", "h:1"] }), "invalid"), "the worker h:1 is given twice");
  t.match(refusalOf(two, registerChange("x", "1", { extensions: [".PY"] }), "invalid"), "the extension .py is of python already");
  t.match(refusalOf(two, registerChange("x", "1", { extensions: ["x"] }), "invalid"), '"x" is no extension; expected the ending of a file name with its dot');
  t.match(refusalOf(two, registerChange("python", "1", { extensions: [".x"] }), "invalid"), "python is there already, with the extensions .py .pyi");
  t.end();
});

void t.test("unregister is refused while there is weight, and says how to move it", (t) => {
  const unregister = (version: string) => ({ kind: "unregister", language: "python", version }) as const;
  t.equal(refusalOf(two, unregister("0.17.3"), "not-now"), "python 0.17.3 still has weight 90 (90 % of the traffic); move it first: `lintel admin weights python 0.18.0=10`");
  const all = configured(registerChange("python", "1", { weight: 3, source: builtinPython }), registerChange("python", "2", { source: builtinPython }));
  t.equal(refusalOf(all, unregister("1"), "not-now"), "python 1 still has weight 3 (100 % of the traffic); move it first: `lintel admin weights python 2=3`");
  const only = configured(registerChange("python", "1", { weight: 3, source: builtinPython }));
  t.equal(refusalOf(only, unregister("1"), "not-now"), "python 1 still has weight 3 (100 % of the traffic); it is the only version; register another one, or end the language with `lintel admin weights python 1=0`");
  t.match(refusalOf(two, unregister("0.18"), "invalid"), 'python has no version "0.18"; did you mean "0.18.0"? known: 0.17.3, 0.18.0');
  t.match(refusalOf(two, { kind: "unregister", language: "pyton", version: "1" }, "invalid"), 'there is no language "pyton"; did you mean "python"? known: python');
  t.match(refusalOf(emptyConfiguration, unregister("1"), "invalid"), "no languages are registered yet");
  t.match(applyChange(all, unregister("2"), context), { kind: "next", differences: ["python 2: removed"] });
  const quiet = applyChange(only, weightsChange("python", { "1": 0 }), context);
  t.match(quiet, { kind: "next" });
  if (quiet.kind === "next") t.match(applyChange(quiet.next, unregister("1"), context), { kind: "next", differences: ["python: removed"], next: { languages: [] } }, "a language ends with its last version");
  t.end();
});

void t.test("weights are set all at once", (t) => {
  t.match(applyChange(two, weightsChange("python", { "0.18.0": 100 }), context), {
    kind: "next",
    differences: ["python 0.17.3: weight 90 -> 0", "python 0.18.0: weight 10 -> 100"],
    warnings: [],
    next: { history: [{}, {}, { what: "weights python 0.18.0=100" }] },
  });
  t.match(applyChange(two, weightsChange("python", { "0.17.3": 0 }), context), { kind: "next", warnings: [/^no version of python has weight/] });
  t.same(applyChange(two, weightsChange("python", { "0.17.3": 90, "0.18.0": 10 }), context), { kind: "unchanged", warnings: [] });
  t.match(refusalOf(two, weightsChange("python", {}), "invalid"), "no weights are given for python; give them as VERSION=WEIGHT, such as 0.17.3=100");
  t.match(refusalOf(two, weightsChange("python", { "0.17.4": 1 }), "invalid"), 'python has no version "0.17.4"; did you mean "0.17.3"?');
  t.match(refusalOf(two, weightsChange("python", { "0.17.3": 0.5 }), "invalid"), "the weight 0.5 of python 0.17.3 cannot be");
  const twice = { kind: "weights", language: "python", weights: [{ version: "0.17.3", weight: 1 }, { version: "0.17.3", weight: 2 }] } as const;
  t.match(refusalOf(two, twice, "invalid"), "the weight of python 0.17.3 is given twice");
  t.end();
});

void t.test("scale changes what the manager runs, and nothing else", (t) => {
  const scale = (version: string, replicas: number) => ({ kind: "scale", language: "python", version, replicas }) as const;
  t.match(applyChange(two, scale("0.17.3", 4), context), { kind: "next", differences: ["python 0.17.3: replicas 2 -> 4"] });
  t.same(applyChange(two, scale("0.17.3", 2), context), { kind: "unchanged", warnings: [] });
  t.match(refusalOf(two, scale("0.18.0", 4), "invalid"), "python 0.18.0 has workers elsewhere, which the manager does not run; start or stop them where they are");
  t.match(refusalOf(two, scale("0.17.3", 0), "invalid"), "python 0.17.3 cannot have 0 replicas");
  t.match(refusalOf(two, scale("0.17.3", 999), "invalid"), "999 replicas cannot be; expected a whole number from 1 to 256");
  t.end();
});

void t.test("drain takes known workers, warns when none is left, and is undone by undrain", (t) => {
  const withWorkers: ChangeContext = { ...context, workers: [{ id: "python-0.17.3-1", language: "python", version: "0.17.3" }] };
  const drain = (workerId: string, drained = true) => ({ kind: "drain", workerId, drained }) as const;
  const first = applyChange(two, drain("python-0.17.3-1"), withWorkers);
  t.match(first, { kind: "next", differences: ["worker python-0.17.3-1: drained"], warnings: [/^every worker of python 0\.17\.3 is drained now, and it has weight 90/] });
  if (first.kind !== "next") return t.end();
  t.same(applyChange(first.next, drain("python-0.17.3-1"), withWorkers), { kind: "unchanged", warnings: [] });
  t.match(applyChange(first.next, drain("python-0.17.3-1", false), context), { kind: "next", differences: ["worker python-0.17.3-1: no longer drained"] }, "also when it is not there now");
  t.match(applyChange(first.next, { kind: "undo", revision: 0 }, context), { kind: "next", next: { drained: [] } });
  t.match(applyChange(two, drain("10.0.0.5:7070"), context), { kind: "next", warnings: [] }, "another one is left");
  t.match(refusalOf(two, drain("10.0.0.5:7071"), "invalid"), 'there is no worker "10.0.0.5:7071"; did you mean "10.0.0.5:7070"?');
  t.match(refusalOf(two, drain("python-0.17.3-1", false), "invalid"), "no worker is");
  t.end();
});

void t.test("a version that goes takes its drained workers along", (t) => {
  const drained = configured(registerChange("python", "1", { workers: ["h:1"] }), { kind: "drain", workerId: "h:1", drained: true });
  t.match(applyChange(drained, { kind: "unregister", language: "python", version: "1" }, context), { kind: "next", next: { drained: [] } });
  t.end();
});

void t.test("undo says how far back it can go", (t) => {
  t.match(refusalOf(emptyConfiguration, { kind: "undo", revision: 0 }, "not-now"), "there is nothing to undo");
  t.match(refusalOf(two, { kind: "undo", revision: 9 }, "invalid"), "there is no revision 9 yet; the newest is 2");
  const shortened = { ...two, history: two.history.slice(1) };
  t.match(refusalOf(shortened, { kind: "undo", revision: 1 }, "invalid"), "revision 1 cannot be undone any more: the history begins with revision 2");
  t.match(applyChange(two, { kind: "undo", revision: 1 }, context), { kind: "next", next: { revision: 3, languages: [] }, differences: ["python: removed"] });
  t.end();
});

void t.test("replace takes all languages at once and tells what differs", (t) => {
  const other = configured(registerChange("css", "16", { weight: 1, source: { kind: "builtin", builtin: "css" } }), registerChange("python", "0.18.0", { weight: 1, workers: ["10.0.0.5:7070"] }));
  t.match(applyChange(two, { kind: "replace", languages: [...other.languages].reverse() }, context), {
    kind: "next",
    next: { languages: [{ language: "css" }, { language: "python" }], history: [{}, {}, { what: "replace languages: python css", before: { added: ["css"], languages: [{ language: "python" }] } }] },
    differences: ["css: added", "css 16: added with weight 1", "python 0.18.0: weight 10 -> 1", "python 0.18.0: worker 10.0.0.6:7070 removed", "python 0.17.3: removed", "css 16: run by builtin css, 1 worker"],
  });
  t.same(applyChange(two, { kind: "replace", languages: structuredClone(two.languages) }, context), { kind: "unchanged", warnings: [] });
  t.end();
});

void t.test("long differences and reasons are bounded", (t) => {
  const limits = { ...defaultChangeLimits, differencesMax: 2, reasonCharactersMax: 5 };
  t.match(applyChange(two, { kind: "replace", languages: [] }, { ...context, reason: "", limits: { ...limits, differencesMax: 0 } }), { differences: ["and 1 more"] });
  t.match(applyChange(two, weightsChange("python", { "0.17.3": 1 }), { ...context, reason: "abcdef", limits }), { kind: "refused", why: "invalid", message: "the reason has 6 characters, at most 5 are kept; say it shorter" });
  t.end();
});
