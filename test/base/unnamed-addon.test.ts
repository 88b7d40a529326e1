// Native code beside the executable, which a container with a read-only root has.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { loadBeside } from "../../src/base/unnamed-addon.js";
import { folderWith } from "../support/run-lintel.js";

void t.test("code beside the executable is loaded when it is just what the program has inside", (t) => {
  const name = `bin/uws_${process.platform}_${process.arch}_${process.versions.modules}.node`;
  const code = readFileSync(join(dirname(fileURLToPath(import.meta.resolve("uWebSockets.js"))), name));
  // As another version of the same size would have left it: loading it would end this process, or load what is not ours.
  const other = Buffer.from(code);
  other[other.length - 1]! ^= 1;
  const folder = folderWith({ "other.node": other, "short.node": code.subarray(1), "lintel.node": code });
  t.teardown(() => folder.remove());
  const load = (file: string): string | undefined => loadBeside(join(folder.path, file), code);
  t.equal(load("other.node"), undefined, "another one is not");
  t.equal(load("short.node"), undefined);
  t.equal(load("none.node"), undefined, "nor is it needed");
  t.equal(load("lintel.node"), join(folder.path, "lintel.node"));
  t.end();
});
