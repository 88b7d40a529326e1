/**
 * What is different between two pictures, so that a second in which nothing happens costs nothing to send. Pure. Must not know
 * what is in them beyond their parts.
 */
import type { Overview, PictureChange, WholePicture, WorkerPicture } from "./picture.js";

/** Undefined when nothing is different. */
export function changeOf(before: WholePicture, after: WholePicture): PictureChange | undefined {
  const overview: Record<string, unknown> = {};
  let anything = false;
  for (const key of Object.keys(after.overview) as (keyof Overview)[]) {
    if (key === "atUnixMs" || same(before.overview[key], after.overview[key])) continue;
    overview[key] = after.overview[key];
    anything = true;
  }
  const old = new Map(before.workers.map((worker) => [worker.id, worker]));
  const workers = after.workers.filter((worker) => {
    const earlier = old.get(worker.id);
    old.delete(worker.id);
    return earlier === undefined || !sameWorker(earlier, worker);
  });
  const gone = [...old.keys()];
  const newest = before.samples.at(-1)?.atUnixMs ?? 0;
  const samples = after.samples.filter(({ atUnixMs }) => atUnixMs > newest);
  if (!anything && workers.length + gone.length + samples.length === 0) return undefined;
  return { overview: { ...overview, atUnixMs: after.overview.atUnixMs }, workers, gone, samples };
}

function same(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

function sameWorker(one: WorkerPicture, other: WorkerPicture): boolean {
  if (one === other) return true;
  for (const key of Object.keys(other) as (keyof WorkerPicture)[]) if (one[key] !== other[key]) return false;
  return true;
}
