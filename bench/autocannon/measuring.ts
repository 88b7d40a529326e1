/**
 * Measures one point: all its candidates alternately, round by round, so that whatever else the machine does
 * hits all of them alike. Must not know how results are shown.
 */
import { collectionsBetween } from "./collections.js";
import { startCandidate, type Candidate, type CandidateName } from "./candidates.js";
import { costOf, cpuBetween } from "./cost.js";
import type { Point } from "./jobs.js";
import { makeLoad, toolFor, type LoadGiven, type LoadMaker } from "./load.js";
import type { CoreLayout } from "./machine.js";
import type { IdleOptions } from "./processes/idle.js";
import type { Processes, Running } from "./processes.js";
import { median, summarize, type PointResult, type Round } from "./results.js";
import { reportBytes, startFleet, type WorkerFleet } from "./worker-fleet.js";

export interface MeasuringOptions {
  /** Undefined where the user said nothing. */
  readonly rounds: number | undefined;
  readonly secondsPerRound: number | undefined;
  readonly usualRounds: number;
  readonly usualSeconds: number;
  readonly warmUpSeconds: number;
  /** Which candidates may run at all: named by the user, and installed. */
  readonly allowed: readonly CandidateName[];
  /** More builds of Lintel to measure beside this one: name and path of main.js. */
  readonly builds: readonly Build[];
}

export interface Build {
  readonly name: string;
  readonly mainPath: string;
}

export interface Measuring {
  readonly options: MeasuringOptions;
  readonly processes: Processes;
  readonly coresOf: (shards: number) => CoreLayout;
  readonly folder: string;
  readonly load: LoadMaker;
  /** Shared by the points of a job. */
  readonly capacity: Capacity;
  /** Says what goes on. */
  readonly say: (text: string) => void;
}

/** What the slowest proxy takes at full load, in requests per second, once it is known. */
export interface Capacity {
  perSecond: number | undefined;
}

interface Entrant {
  readonly name: string;
  readonly candidate: Candidate;
  readonly rounds: Round[];
  idle: Running | undefined;
}

/** A point with all that it needs running. */
interface Stage {
  readonly point: Point;
  readonly fleet: WorkerFleet;
  readonly entrants: readonly Entrant[];
  readonly ratePerSecond: number;
}

/**
 * All candidates of all the points in turn, round by round: points that are compared with each other belong in one call. Points
 * of which no candidate may run are left out.
 */
export async function measurePoints(points: readonly Point[], measuring: Measuring): Promise<PointResult[]> {
  const stages: Stage[] = [];
  try {
    for (const point of points) {
      if (namesOf(point, measuring).length > 0) stages.push(await setUp(point, measuring));
    }
    const roundsMax = Math.max(0, ...stages.map(({ point }) => roundsOf(point, measuring)));
    for (let round = 0; round < roundsMax; round++) {
      for (const stage of stages) {
        if (round < roundsOf(stage.point, measuring)) await measureRounds(stage, measuring, round);
      }
    }
    return stages.map((stage) => resultOf(stage, measuring));
  } finally {
    await Promise.all(stages.map(tearDown));
  }
}

async function setUp(point: Point, measuring: Measuring): Promise<Stage> {
  const { processes, options } = measuring;
  const fleet = await startFleet(point, { processes, cores: measuring.coresOf(point.shards).workers, mainPath: options.builds[0]!.mainPath });
  const entrants: Entrant[] = [];
  try {
    for (const name of namesOf(point, measuring)) entrants.push(...(await enter(name, point, fleet, measuring)));
    if (point.loadPart !== undefined) measuring.capacity.perSecond ??= await capacityOf(entrants, point, fleet, measuring);
    const ratePerSecond = Math.round((measuring.capacity.perSecond ?? 0) * (point.loadPart ?? 0));
    const stage = { point, fleet, entrants, ratePerSecond };
    await prepare(stage, measuring);
    return stage;
  } catch (error) {
    await tearDown({ point, fleet, entrants, ratePerSecond: 0 });
    throw error;
  }
}

async function measureRounds(stage: Stage, measuring: Measuring, round: number): Promise<void> {
  const { point, entrants } = stage;
  for (const entrant of entrants) {
    entrant.rounds.push(await measureRound(entrant, point, loadOf(stage, entrant.candidate, secondsOf(point, measuring)), measuring));
    measuring.say(`  ${point.name}: round ${round + 1} of ${roundsOf(point, measuring)}, ${entrant.name}`);
  }
}

function resultOf(stage: Stage, { load }: Measuring): PointResult {
  const { point, entrants, ratePerSecond } = stage;
  const tool = toolFor(loadOf(stage, entrants[0]!.candidate, 1), load);
  const candidates = entrants.map(({ name, rounds }) => summarize(name, rounds));
  return { name: point.name, tool, ratePerSecond, workers: point.workers, connections: point.connections, candidates };
}

async function tearDown({ fleet, entrants }: Stage): Promise<void> {
  await Promise.all([fleet.stop(), ...entrants.flatMap(({ candidate, idle }) => [candidate.stop(), idle?.stop()])]);
}

function namesOf(point: Point, { options }: Measuring): CandidateName[] {
  return point.candidates.filter((name) => options.allowed.includes(name));
}

/** What the user says holds for all points; else what the point says, else what is usual. */
function roundsOf(point: Point, { options }: Measuring): number {
  return options.rounds ?? point.rounds ?? options.usualRounds;
}

function secondsOf(point: Point, { options }: Measuring): number {
  return options.secondsPerRound ?? point.secondsPerRound ?? options.usualSeconds;
}

function loadOf({ point, fleet, ratePerSecond }: Stage, candidate: Candidate, seconds: number): LoadGiven {
  return { port: candidate.port, connections: point.connections, seconds, ratePerSecond, requests: fleet.requests };
}

/** Starts a candidate; Lintel once for every build. */
async function enter(name: CandidateName, point: Point, fleet: WorkerFleet, { options, processes, coresOf, folder }: Measuring): Promise<Entrant[]> {
  const builds = name === "lintel" ? options.builds : options.builds.slice(0, 1);
  const entrants: Entrant[] = [];
  for (const build of builds) {
    const given = { shards: point.shards, reportBytes, languages: fleet.languages, http1: fleet.http1, mainPath: build.mainPath, nodeFlags: point.countsCollections === true ? ["--trace-gc"] : [] };
    const candidate = await startCandidate(name, given, { processes, cores: coresOf(point.shards).balancer, folder });
    entrants.push({ name: build.name === "" ? name : `${name} ${build.name}`, candidate, rounds: [], idle: undefined });
  }
  return entrants;
}

/** Compiles what is hot, and opens the connections that are to lie idle. */
async function prepare(stage: Stage, { options, processes, coresOf, load }: Measuring): Promise<void> {
  const { point, entrants, fleet } = stage;
  const idleConnections = point.idleConnections ?? 0;
  for (const entrant of entrants) {
    const warmUpSeconds = point.warmUpSeconds ?? options.warmUpSeconds;
    if (warmUpSeconds > 0) await makeLoad(loadOf(stage, entrant.candidate, warmUpSeconds), load);
    if (idleConnections === 0) continue;
    const { path } = fleet.requests[0]!;
    const given: IdleOptions = { port: entrant.candidate.port, path, connections: idleConnections, everyMs: idleEveryMs };
    entrant.idle = await processes.serve("idle", given, coresOf(point.shards).load);
  }
}

/** Often enough for uWebSockets.js, which cuts a connection that was silent for 10 s. */
const idleEveryMs = 7_000;

/** The floor and the bare one set no rate; where the point names one that does, it alone. */
async function capacityOf(entrants: readonly Entrant[], point: Point, fleet: WorkerFleet, { options, load, say }: Measuring): Promise<number> {
  const named = entrants.filter(({ name }) => name === point.capacityOf);
  const proxies = named.length > 0 ? named : entrants.filter(({ name }) => name !== "floor" && !name.startsWith("bare"));
  const capacities: number[] = [];
  for (const { name, candidate } of proxies.length > 0 ? proxies : entrants) {
    const found: number[] = [];
    for (let run = 0; run < 3; run++) {
      const { requests, seconds } = await makeLoad({ port: candidate.port, connections: point.connections, seconds: options.secondsPerRound ?? options.usualSeconds, ratePerSecond: 0, requests: fleet.requests }, load);
      if (run > 0) found.push(requests / seconds);
    }
    capacities.push(median(found));
    say(`  ${point.name}: ${name} takes ${Math.round(median(found))} requests/s`);
  }
  return Math.min(...capacities);
}

async function measureRound({ candidate }: Entrant, point: Point, given: LoadGiven, { load }: Measuring): Promise<Round> {
  const reloading = reload(candidate, point.reloadsPerSecond ?? 0);
  const before = costOf(candidate.pid);
  const collectionsBefore = candidate.collections();
  const { requests, seconds, latencyMs, errors } = await makeLoad(given, load);
  const after = costOf(candidate.pid);
  await reloading.stop();
  const idleRequests = Math.round(((point.idleConnections ?? 0) * seconds * 1_000) / idleEveryMs);
  return {
    requests: requests + idleRequests,
    seconds,
    latencyMs,
    errors,
    cpuMicros: cpuBetween(before, after, point.shards),
    memoryBytes: after.memoryBytes,
    ...(point.countsCollections === true && { collections: collectionsBetween(collectionsBefore, candidate.collections()) }),
  };
}

/** Goes on changing weights until it is stopped; a change that failed fails the round. */
function reload({ reweigh }: Candidate, perSecond: number): { readonly stop: () => Promise<void> } {
  if (perSecond === 0 || reweigh === undefined) return { stop: () => Promise.resolve() };
  const state = { isOver: false };
  const changes = (async () => {
    for (let change = 0; !state.isOver; change++) {
      await reweigh(1 + (change % 9));
      await new Promise((resolve) => setTimeout(resolve, 1_000 / perSecond));
    }
    await reweigh(1);
  })();
  return {
    stop: () => {
      state.isOver = true;
      return changes;
    },
  };
}
