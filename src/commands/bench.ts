/**
 * `lintel bench`: the bundled benchmarks. They belong to the checkout and not to the program, so they are
 * looked for when they are asked for. Knows their flags, nothing of how they measure.
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { InvalidArgumentError, type Command, Option } from "commander";
import { UserError } from "../base/errors.js";

export interface BenchFlags {
  readonly quick: boolean;
  /** Only what bench/autocannon/bounds.ts asks about, and whether it holds. */
  readonly bounds: boolean;
  /** What a large fleet costs (bench/size), and nothing else. */
  readonly size: boolean;
  readonly list: boolean;
  readonly rounds?: number;
  readonly seconds?: number;
  readonly warmUp?: number;
  readonly candidates?: readonly string[];
  /** Only points whose names contain it. */
  readonly point?: string;
  /** "NAME=PATH" each. */
  readonly compare: readonly string[];
  readonly load: "auto" | "wrk" | "autocannon";
  readonly baseline?: string;
  readonly out: string;
  readonly pin: boolean;
}

interface BenchModule {
  readonly bench: (jobs: readonly string[], flags: BenchFlags) => Promise<void>;
}

const modulePath = new URL("../../bench/autocannon/main.js", import.meta.url);
const sizeModulePath = new URL("../../bench/size/main.js", import.meta.url);
const resultsFolder = fileURLToPath(new URL("../../../bench/results", import.meta.url));

export function define(command: Command): void {
  command
    .argument("[job...]", "what to measure (default: everything; --list shows what there is)")
    .option("--quick", "about a minute, to see who costs what", false)
    .option("--bounds", "what has to be reached and whether it is, in a quarter of an hour", false)
    .option("--size", "what a fleet of 20,000 workers and 100 balancers costs, in some minutes; with --quick a small one", false)
    .option("--list", "print the jobs and run nothing", false)
    .option("--rounds <count>", "rounds of every candidate (default: 5, quick 2)", positive)
    .option("--seconds <seconds>", "length of a round (default: 4, quick 2)", positive)
    .option("--warm-up <seconds>", "load before the first round (default: 2)", positive)
    .option("--candidates <names>", "only these, separated by commas: lintel, haproxy, nginx …", (text) => text.split(","))
    .option("--point <text>", "only the points of the jobs whose names contain it, such as \"64 connections\"")
    .option("--compare <name=path>", "measure another build's dist/src/main.js beside this one; may be repeated", (text, before: string[]) => [...before, text], [])
    .addOption(new Option("--load <tool>", "what makes full load: auto is wrk where it is installed").choices(["auto", "wrk", "autocannon"]).default("auto"))
    .option("--baseline <file>", "compare with the JSON of an earlier run (default: with --bounds, bench/results/baseline.json)")
    .option("--out <folder>", "where the results are written", resultsFolder)
    .option("--no-pin", "let the system choose the cores")
    .addHelpText("after", "\ndocs/performance.md explains the jobs and how to read the results.")
    .action(async (jobs: string[], flags: BenchFlags) => {
      if (!existsSync(modulePath)) throw new UserError("the benchmarks are part of a checkout of the repository, not of an installed Lintel; clone it and run npx lintel bench there.");
      const { bench } = (await import((flags.size ? sizeModulePath : modulePath).href)) as BenchModule;
      await bench(jobs, flags);
    });
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("must be a number above 0.");
  return value;
}
