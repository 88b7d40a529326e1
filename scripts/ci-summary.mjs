// Reads a TAP stream (the file named first), prints the failing part of it, and last the plain line CI looks for.
// Counts the assertions' enclosing top-level tests of every file; exits 1 when none ran or any failed.
import { readFileSync } from "node:fs";
import { Parser } from "tap-parser";

const text = readFileSync(process.argv[2], "utf8");
const lines = text.split("\n");
// npm and the set-up speak before the stream begins.
const start = lines.findIndex((line) => line.startsWith("TAP version"));
let passed = 0;
let failed = 0;
let skipped = 0;
const parser = new Parser();
parser.on("child", (file) => {
  file.on("assert", (result) => {
    if (result.skip || result.todo) skipped++;
    else if (result.ok) passed++;
    else {
      failed++;
      console.log(`not ok - ${file.name} > ${result.name}\n${JSON.stringify(result.diag ?? {}, null, 2)}`);
    }
  });
});
parser.on("assert", (result) => {
  // A file that failed as a whole: it could not start, timed out, or ran no test.
  if (!result.ok && !result.skip) console.log(`not ok - ${result.name}\n${JSON.stringify(result.diag ?? {}, null, 2)}`);
});
let complete = false;
parser.on("complete", (results) => {
  complete = results.ok;
});
parser.end(start < 0 ? "" : lines.slice(start).join("\n"));
if (start < 0 || (failed > 0 && lines.length < 400)) console.log(text.slice(-20_000));
if (!complete && failed === 0) failed = 1;
console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
