// Reads TAP streams (the files named), prints what failed in them, and last the plain line CI looks for. Counts the
// tests of every file, not their assertions; exits 1 when none ran or any failed.
import { readFileSync } from "node:fs";
import { Parser } from "tap-parser";

const totals = { passed: 0, failed: 0, skipped: 0 };

function read(path) {
  const text = readFileSync(path, "utf8");
  const lines = text.split("\n");
  // npm and the set-up speak before the stream begins.
  const start = lines.findIndex((line) => line.startsWith("TAP version"));
  const failedBefore = totals.failed;
  const parser = new Parser();
  const explain = (name, result) => console.log(`not ok - ${name}\n${JSON.stringify(result.diag ?? {}, null, 2)}`);
  parser.on("child", (file) => {
    file.on("assert", (result) => {
      if (result.skip || result.todo) totals.skipped++;
      else if (result.ok) totals.passed++;
      else {
        totals.failed++;
        explain(`${file.name} > ${result.name}`, result);
      }
    });
    // What a failing test's assertions said, and the comments with the numbers of a chaos test.
    file.on("child", (test) => {
      test.on("assert", (result) => !result.ok && explain(`  ${test.name} > ${result.name}`, result));
      test.on("comment", (comment) => / requests, /.test(comment) && console.log(`${test.name}\n  ${comment.trim()}`));
    });
  });
  // A file that failed as a whole: it could not start, timed out, or ran no test.
  parser.on("assert", (result) => !result.ok && !result.skip && explain(result.name, result));
  let whole = false;
  parser.on("complete", (results) => {
    whole = results.ok;
  });
  parser.end(start < 0 ? "" : lines.slice(start).join("\n"));
  if (start < 0) console.log(text.slice(-20_000));
  if (!whole && totals.failed === failedBefore) totals.failed++;
}

process.argv.slice(2).forEach(read);
const { passed, failed, skipped } = totals;
console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
