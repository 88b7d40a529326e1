import t from "tap";
import type { LanguageSnapshot, VersionSnapshot, WorkerEndpoint } from "../../src/snapshot/snapshot.js";
import { faultOf } from "../../src/snapshot/soundness.js";

const language = (versions: readonly VersionSnapshot[], name = "python"): LanguageSnapshot => ({ language: name, extensions: [".py"], spill: true, versions });
const version = (workers: readonly WorkerEndpoint[], weight = 1, name = "1"): VersionSnapshot => ({ version: name, weight, workers });
const worker = (id: string, port = 7_070, host = "h"): WorkerEndpoint => ({ id, host, port });

void t.test("a sound snapshot has no fault", (t) => {
  t.equal(faultOf([]), "");
  t.equal(faultOf([language([version([worker("a"), worker("b")]), version([], 0, "2")]), language([], "css")]), "");
  t.end();
});

void t.test("every fault is named with its place", (t) => {
  const faults: readonly (readonly [LanguageSnapshot[], RegExp])[] = [
    [[language([]), language([])], /a language is there twice: python/],
    [[language([], "")], /a language is called ""/],
    [[language([version([]), version([])])], /a version of python is there twice: 1/],
    [[language([version([], 1, "1 0")])], /a version of python is called "1 0": a name is not empty and has no spaces/],
    [[language([version([], -1)])], /python 1: the weight -1 is not a whole number/],
    [[language([version([], 1.5)])], /python 1: the weight 1.5/],
    [[language([version([], 2 ** 40)])], /python 1: the weight 1099511627776/],
    [[language([version([worker("a")])]), language([version([worker("a")])], "css")], /a worker of css 1 is there twice: a/],
    [[language([version([worker("a", 0)])])], /worker a has the port 0: expected 1 to 65535/],
    [[language([version([worker("a", 1, "")])])], /worker a has no host/],
  ];
  for (const [languages, fault] of faults) t.match(faultOf(languages), fault);
  t.end();
});
