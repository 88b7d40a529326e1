/**
 * Measures one point: all its candidates alternately, round by round, so that whatever else the machine does
 * hits all of them alike. Must not know how results are shown.
 */
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
  readonly rounds: number;
  readonly secondsPerRound: number;
  readonly warmUpSeconds: number;
  /** Which candidates may run at all: named by the user, and installed. */
  readonly allowed: readonly CandidateName[];
  /** More builds of Lintel to measure beside this one: name and path of main.js. */
  readonly builds: readonly Build[];
  readonly nodeFlags: readonly string[];
}

export interface Build {
  readonly name: string;
  readonly mainPath: string;
}

export interface Measuring {
  readonly options: MeasuringOptions;
  readonly processes: Processes;
  readonly cores: CoreLayout;
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

/** Undefined when none of its candidates may run. */
export async function measurePoint(point: Point, measuring: Measuring): Promise<PointResult | undefined> {
  const { options, processes, cores } = measuring;
  const names = point.candidates.filter((name) => options.allowed.includes(name));
  if (names.length === 0) return undefined;
  const fleet = await startFleet(point, { processes, cores: cores.workers, mainPath: options.builds[0]!.mainPath });
  const entrants: Entrant[] = [];
  try {
    for (const name of names) entrants.push(...(await enter(name, point, fleet, measuring)));
    if (point.loadPart !== undefined) measuring.capacity.perSecond ??= await capacityOf(entrants, point, fleet, measuring);
    const ratePerSecond = Math.round((measuring.capacity.perSecond ?? 0) * (point.loadPart ?? 0));
    const given = (candidate: Candidate, seconds: number): LoadGiven => ({ port: candidate.port, connections: point.connections, seconds, ratePerSecond, requests: fleet.requests });
    await prepare(entrants, point, given, measuring);
    for (let round = 0; round < options.rounds; round++) {
      for (const entrant of entrants) {
        entrant.rounds.push(await measureRound(entrant, point, given(entrant.candidate, options.secondsPerRound), measuring));
        measuring.say(`  ${point.name}: round ${round + 1} of ${options.rounds}, ${entrant.name}`);
      }
    }
    const tool = toolFor(given(entrants[0]!.candidate, 1), measuring.load);
    const candidates = entrants.map(({ name, rounds }) => summarize(name, rounds));
    return { name: point.name, tool, ratePerSecond, workers: point.workers, connections: point.connections, candidates };
  } finally {
    await Promise.all([fleet.stop(), ...entrants.flatMap(({ candidate, idle }) => [candidate.stop(), idle?.stop()])]);
  }
}

/** Starts a candidate; Lintel once for every build. */
async function enter(name: CandidateName, point: Point, fleet: WorkerFleet, { options, processes, cores, folder }: Measuring): Promise<Entrant[]> {
  const builds = name === "lintel" ? options.builds : options.builds.slice(0, 1);
  const entrants: Entrant[] = [];
  for (const build of builds) {
    const given = { shards: point.shards, reportBytes, languages: fleet.languages, http1: fleet.http1, mainPath: build.mainPath, nodeFlags: options.nodeFlags };
    const candidate = await startCandidate(name, given, { processes, cores: cores.balancer, folder });
    entrants.push({ name: build.name === "" ? name : `${name} ${build.name}`, candidate, rounds: [], idle: undefined });
  }
  return entrants;
}

/** Compiles what is hot, and opens the connections that are to lie idle. */
async function prepare(entrants: readonly Entrant[], point: Point, given: (candidate: Candidate, seconds: number) => LoadGiven, { options, processes, cores, load }: Measuring): Promise<void> {
  const idleConnections = point.idleConnections ?? 0;
  for (const entrant of entrants) {
    if (options.warmUpSeconds > 0) await makeLoad(given(entrant.candidate, options.warmUpSeconds), load);
    if (idleConnections === 0) continue;
    const { path } = given(entrant.candidate, 1).requests[0]!;
    entrant.idle = await processes.serve("idle", { port: entrant.candidate.port, path, connections: idleConnections, everyMs: idleEveryMs } satisfies IdleOptions, cores.load);
  }
}

/** Often enough for uWebSockets.js, which cuts a connection that was silent for 10 s. */
const idleEveryMs = 7_000;

/** The floor and the bare one set no rate. */
async function capacityOf(entrants: readonly Entrant[], point: Point, fleet: WorkerFleet, { options, load, say }: Measuring): Promise<number> {
  const proxies = entrants.filter(({ name }) => name !== "floor" && !name.startsWith("bare"));
  const capacities: number[] = [];
  for (const { name, candidate } of proxies.length > 0 ? proxies : entrants) {
    const found: number[] = [];
    for (let run = 0; run < 3; run++) {
      const { requests, seconds } = await makeLoad({ port: candidate.port, connections: point.connections, seconds: options.secondsPerRound, ratePerSecond: 0, requests: fleet.requests }, load);
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
  const { requests, seconds, latencyMs, errors } = await makeLoad(given, load);
  const after = costOf(candidate.pid);
  await reloading.stop();
  const idleRequests = Math.round(((point.idleConnections ?? 0) * seconds * 1_000) / idleEveryMs);
  return { requests: requests + idleRequests, seconds, latencyMs, errors, cpuMicros: cpuBetween(before, after, point.shards), memoryBytes: after.memoryBytes };
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
