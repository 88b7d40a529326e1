/**
 * The newest picture: a whole one, with all changes since. Must not know how events come, nor how anything is shown.
 */
import type { Overview, PictureChange, Sample, WholePicture, WorkerPicture } from "../../src/balancer/dashboard/picture.js";

/** As many as the balancer keeps. */
const samplesMax = 300;

export class Board {
  /** By id, in the order in which they came. */
  readonly workers = new Map<string, WorkerPicture>();
  samples: Sample[] = [];
  private shown: Overview | undefined;

  /** Undefined before the first picture. */
  get overview(): Overview | undefined {
    return this.shown;
  }

  replace({ overview, workers, samples }: WholePicture): void {
    this.shown = overview;
    this.samples = [...samples];
    this.workers.clear();
    for (const worker of workers) this.workers.set(worker.id, worker);
  }

  change({ overview, workers, gone, samples }: PictureChange): void {
    if (this.shown === undefined) return;
    this.shown = { ...this.shown, ...overview };
    for (const worker of workers) this.workers.set(worker.id, worker);
    for (const id of gone) this.workers.delete(id);
    this.samples = [...this.samples, ...samples].slice(-samplesMax);
  }
}
