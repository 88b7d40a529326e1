/**
 * Which workers of a version a shard connects to when connecting to all would be too many: an even, stable part. Pure:
 * everything is decided from names and numbers that all shards of a balancer share. Must not know connections or load.
 *
 * A balancer with n shards orders a version's workers by a hash of its own name and theirs, lays them on a ring, and gives
 * each shard an arc: c arcs cover every worker (c, the cover, from 1 to n), so that
 *
 *     - the shards of a balancer together reach every worker, each worker from exactly c of them: no worker is ever left out,
 *       and no balancer needs to know of the others for that;
 *     - parts of one version differ by one worker at most. With at least 10 workers in each, no worker's load is more than
 *       a tenth away from even when the shards are equally busy;
 *     - a worker that comes or goes moves each end of an arc by one place at most;
 *     - two balancers mix the workers differently: a pair of workers that shares a shard here does not there, and a hot shard
 *       of one balancer is nobody's in particular elsewhere.
 *
 * How large: all of it, as long as a shard has few connections over all versions (`connectionsPerShardMax`); beyond that as
 * much as keeps it near that number, but never less than `partWorkersMin`, and never so little that a worker is left out.
 */

export interface PartOptions {
  /** Connections to workers that a shard should have at most, over all versions. */
  readonly connectionsPerShardMax: number;
  /**
   * What the evenness above needs: parts of 10 and of 11 differ by a tenth. It is also about as many as the choice compares
   * (worker-choice.ts, `scanMax`), with a few of them ejected or restarting.
   */
  readonly partWorkersMin: number;
}

export const defaultPartOptions: Pick<PartOptions, "partWorkersMin"> = { partWorkersMin: 10 };

/** Whose part it is. */
export interface ShardPlace {
  /** From 0. */
  readonly shard: number;
  readonly shards: number;
  /** The balancer's name. */
  readonly balancer: string;
}

/**
 * Which share of every version's workers a shard should have: 1, 1/2, 1/4 … In steps, and with some play between growing and
 * shrinking, so that one worker that comes and goes does not move all the others.
 */
export function nextShare(before: number, workers: number, connectionsMax: number): number {
  let share = before;
  while (share < 1 && workers * share * 2 <= connectionsMax * 0.9) share *= 2;
  while (workers * share > connectionsMax) share /= 2;
  return share;
}

/** How many shards of a balancer have each worker of a version. */
export function coverOf(workers: number, shards: number, share: number, { partWorkersMin }: Pick<PartOptions, "partWorkersMin">): number {
  const wanted = Math.max(partWorkersMin, workers * share);
  return Math.max(1, Math.min(shards, Math.ceil((wanted * shards) / workers)));
}

/** The workers of one version that this shard connects to; `workers` itself when that is all of them. */
export function partOf<T extends { readonly id: string }>(workers: readonly T[], place: ShardPlace, share: number, options: Pick<PartOptions, "partWorkersMin"> = defaultPartOptions): readonly T[] {
  if (share >= 1 || workers.length <= options.partWorkersMin) return workers;
  const cover = coverOf(workers.length, place.shards, share, options);
  if (cover === place.shards) return workers;
  const ring = workers.map((worker) => ({ worker, at: hashOf(`${place.balancer} ${worker.id}`) })).sort((one, other) => one.at - other.at || (one.worker.id < other.worker.id ? -1 : 1));
  const edge = (shard: number): number => Math.floor((shard * cover * workers.length) / place.shards);
  const part: T[] = [];
  for (let index = edge(place.shard); index < edge(place.shard + 1); index++) part.push((ring[index % ring.length] as (typeof ring)[number]).worker);
  return part;
}

/** FNV-1a, then the finish of MurmurHash3 (Austin Appleby, public domain): names that differ in a digit end far apart. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
