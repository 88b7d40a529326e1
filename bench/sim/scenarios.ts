/** What the simulation is asked, one table a question. The answers are in docs/decisions/0001-worker-choice.md. */
import type { PolicyMaker } from "./cluster.js";
import { clusterDefaults, type ClusterOptions } from "./cluster-options.js";
import { centralShortest, lintel, local, randomChoice, roundRobin, twoShared } from "./policies.js";

export interface Run {
  readonly name: string;
  readonly maker: PolicyMaker;
  readonly options: ClusterOptions;
}

export interface Scenario {
  readonly name: string;
  readonly question: string;
  readonly runs: readonly Run[];
}

type Named = readonly (readonly [name: string, maker: PolicyMaker])[];

function scenario(name: string, question: string, changes: Partial<ClusterOptions>, policies: Named): Scenario {
  return { name, question, runs: policies.map(([policy, maker]) => ({ name: policy, maker, options: { ...clusterDefaults, ...changes } })) };
}

const ideal: Named = [
  ["central queue", "central queue"],
  ["central shortest queue", centralShortest],
];
const few: Named = [...ideal, ["two choices, own counts", local({ choices: 2, reports: "none" })], ["Lintel", lintel()]];

const uneven = scenario("uneven", "64 shards x 200 workers of one thread, 80 % load, a tenth of the workers three times slower", {}, [
  ...ideal,
  ["random", randomChoice],
  ["round robin", roundRobin],
  ["two choices, own counts", local({ choices: 2, reports: "none" })],
  ["two choices + report as it is", local({ choices: 2, reports: "as is" })],
  ["two choices + report less own", local({ choices: 2, reports: "less own" })],
  ["the same, report fading in 20 ms", local({ choices: 2, reports: "less own", fadeMs: 20 })],
  ["all compared + report less own", local({ choices: 0, reports: "less own" })],
  ["two choices, counts shared by all", twoShared],
  ["Lintel without the workers heard from", lintel({ heardMax: 0 })],
  ["Lintel without slowness", lintel({ slownessWeight: 0, strangerSlowness: 1 })],
  ["Lintel, strangers like all others", lintel({ strangerSlowness: 1 })],
  ["Lintel", lintel()],
]);

const threads = scenario("threads", "the same with four threads a worker", { threads: 4, seconds: 8, warmupSeconds: 5 }, [...few, ["random", randomChoice]]);

const sizes: readonly Scenario[] = [
  { shards: 1, workers: 3, slowShare: 0.34, seconds: 60 },
  { shards: 2, workers: 8, slowShare: 0.13, seconds: 40 },
  { shards: 4, workers: 32, seconds: 15 },
].map((changes) =>
  scenario(`${changes.shards} x ${changes.workers}`, `${changes.shards} shards x ${changes.workers} workers, one in ${Math.round(1 / (changes.slowShare ?? 0.1))} three times slower`, changes, [
    ...few,
    ["Lintel, all compared", lintel({ scanMax: Infinity })],
  ]),
);

const medium = { shards: 8, workers: 64, seconds: 11, warmupSeconds: 5 };
const troubles: readonly Scenario[] = [
  scenario("alike", "8 x 64, no slow workers", { ...medium, slowShare: 0 }, few),
  scenario("full", "8 x 64 at 95 % load", { ...medium, load: 0.95 }, few),
  scenario("mixed", "8 x 64, sources of very different sizes (sigma 1.5)", { ...medium, sigma: 1.5 }, few),
  scenario("antagonists", "8 x 64 at 60 % load; every 100 ms another worker becomes four times slower for about a second", { ...medium, slowShare: 0, load: 0.6, antagonists: { everyMs: 100, lastMs: 1000, factor: 4 } }, few),
  scenario("bursts", "8 x 64 at 50 % load, three times as much for 200 ms every 2 s", { ...medium, load: 0.5, bursts: { everyMs: 2000, lastMs: 200, factor: 3 } }, few),
];

const restarts = [0.6, 0.8].map((load) =>
  scenario(
    `slow start, ${100 * load} %`,
    `4 x 16 at ${100 * load} % load; every 3 s another worker restarts, its first answer takes eight times as long, its hundredth is normal`,
    { shards: 4, workers: 16, slowShare: 0, load, seconds: 30, restarts: { everyMs: 3000, awayMs: 500, coldFactor: 8, coldAnalyses: 100 } },
    [
      ["full share at once", lintel({ warmthMin: 1 })],
      ["from a tenth, in 10 s", lintel({ warmthMin: 0.1, slowStartMs: 10_000 })],
      ["Lintel (from a half, in 5 s)", lintel()],
    ],
  ),
);

const refusal = scenario("refusal", "4 x 8 at 50 % load, one worker refuses everything at once", { shards: 4, workers: 8, slowShare: 0, load: 0.5, refusing: 1, seconds: 30 }, [
  ["no penalty", lintel({ penaltyStep: 0 })],
  ["Lintel (8 attempts, fading in 3 s)", lintel()],
  ["8 attempts, fading in 10 s", lintel({ penaltyMs: 10_000 })],
]);

const joined = { shards: 1, workers: 32, slowShare: 0, seconds: 2, warmupSeconds: 1 };
const joining = [
  ...[0.1, 0.3, 0.6, 0.9].map((load) =>
    scenario(`joining, ${100 * load} %`, `1 x 32 workers of four threads, 0.2 ms an analysis, ${100 * load} % load: do requests that share a worker fill the writes?`, { ...joined, threads: 4, analysisMs: 0.2, load }, both()),
  ),
  scenario("joining, several shards", "4 x 32 workers of four threads, 0.2 ms an analysis, 60 % load", { ...joined, shards: 4, threads: 4, analysisMs: 0.2, load: 0.6 }, both()),
  scenario("joining, slow", "4 x 32 workers of one thread, 4 ms an analysis, 80 % load: nobody joins", { ...joined, shards: 4, load: 0.8, seconds: 15, warmupSeconds: 5 }, both()),
];

function both(): Named {
  return [
    ["every request for itself", lintel({ joinWaitMs: 0 })],
    ["Lintel (up to 0.25 ms)", lintel()],
    ["up to 1 ms", lintel({ joinWaitMs: 1 })],
  ];
}

export const scenarios: readonly Scenario[] = [uneven, threads, ...sizes, ...troubles, ...restarts, refusal, ...joining];
