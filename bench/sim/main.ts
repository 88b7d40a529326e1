/**
 * `node dist/bench/sim/main.js [scenario …]`: runs the simulations (all by default, about a minute), prints a table each, and
 * writes bench/results/sim.json and sim.svg. The same seed gives the same figures on every machine.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { simulate, type ClusterResult } from "./cluster.js";
import { barChart } from "./chart.js";
import { scenarios, type Scenario } from "./scenarios.js";

interface Row extends ClusterResult {
  readonly policy: string;
}

function table(rows: readonly Row[]): string {
  const columns: readonly [string, (row: Row) => string][] = [
    ["mean ms", (row) => row.meanMs.toFixed(2)],
    ["p50", (row) => row.p50Ms.toFixed(2)],
    ["p99", (row) => row.p99Ms.toFixed(1)],
    ["p99.9", (row) => row.p999Ms.toFixed(1)],
    ["p99 / first", (row) => (row.p99Ms / rows[0]!.p99Ms).toFixed(2)],
    ["slow %", (row) => (100 * row.slowAttempts).toFixed(1)],
    ["cold/fair", (row) => row.coldOfFair.toFixed(2)],
    ["refused", (row) => String(row.refusedAttempts)],
    ["lost", (row) => String(row.lost)],
    ["batch", (row) => row.batch.toFixed(2)],
    ["workers", (row) => String(row.workersUsed)],
  ];
  const width = Math.max(...rows.map((row) => row.policy.length)) + 2;
  const line = (name: string, cells: readonly string[]): string => `  ${name.padEnd(width)}${cells.map((cell) => cell.padStart(12)).join("")}\n`;
  return line("", columns.map(([title]) => title)) + rows.map((row) => line(row.policy, columns.map(([, cell]) => cell(row)))).join("");
}

function run(scenario: Scenario): Row[] {
  process.stdout.write(`\n${scenario.name}: ${scenario.question}\n`);
  const rows = scenario.runs.map(({ name, maker, options }) => ({ policy: name, ...simulate(options, maker) }));
  process.stdout.write(table(rows));
  return rows;
}

const wanted = process.argv.slice(2);
const chosen = scenarios.filter((scenario) => wanted.length === 0 || wanted.includes(scenario.name));
if (chosen.length === 0) {
  process.stderr.write(`No such scenario; there are: ${scenarios.map((scenario) => scenario.name).join(", ")}\n`);
  process.exit(2);
}
const results = chosen.map((scenario) => ({ scenario: scenario.name, question: scenario.question, options: scenario.runs[0]!.options, rows: run(scenario) }));
if (wanted.length === 0) {
  const folder = new URL("../../../bench/results/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL("sim.json", folder), `${JSON.stringify(results, null, 1)}\n`);
  const [first] = results;
  writeFileSync(new URL("sim.svg", folder), barChart(`p99 in ms: ${first!.question}`, first!.rows.map((row) => ({ label: row.policy, value: row.p99Ms }))));
  process.stdout.write("\nwrote bench/results/sim.json and sim.svg\n");
}
