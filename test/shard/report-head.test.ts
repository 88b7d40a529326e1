import t from "tap";
import fc from "fast-check";
import { ReportHead } from "../../src/shard/report-head.js";
import { RequestIds } from "../../src/shard/request-ids.js";

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

void t.test("a head is an id, what stays the same, and the time", (t) => {
  const head = new ReportHead(new RequestIds("ab-0-"), "application/json", true, "ruff 1\r\nLintel-Version: 2\r\nLintel-Worker: w");
  const lines = ["Content-Type: application/json", "Lintel-Attempts: 1", "Vary: Origin", "Lintel-Linter: ruff 1", "Lintel-Version: 2", "Lintel-Worker: w"];
  t.same(textOf(head.next(12.346)).split("\r\n"), ["ab-0-0000001", ...lines, "Server-Timing: lint;dur=12.35"]);
  t.same(textOf(head.next(0)).split("\r\n"), ["ab-0-0000002", ...lines, "Server-Timing: lint;dur=0.00"]);
  t.end();
});

void t.test("times are written as toFixed writes them", (t) => {
  const head = new ReportHead(new RequestIds("a-"), "application/json", false, "");
  // Whole hundredths: halves are rounded one way or the other.
  const property = fc.property(fc.nat({ max: 9_999_999 }), (hundredths) => textOf(head.next(hundredths / 100)).endsWith(`dur=${(hundredths / 100).toFixed(2)}`));
  fc.assert(property);
  t.match(textOf(head.next(1e9)), /dur=99999\.99$/, "what is longer than any deadline ends there");
  t.end();
});
