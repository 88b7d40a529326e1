/** A process's resident memory, watched: what it is before something happens to the process, and its highest since. */
import { residentBytes } from "../fuzz/resident-bytes.js";

const everyMs = 50;

export class MemoryWatch {
  readonly beforeBytes: number;
  highestBytes: number;
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly pid: number) {
    this.beforeBytes = this.highestBytes = residentBytes(pid);
    this.timer = setInterval(() => (this.highestBytes = Math.max(this.highestBytes, residentBytes(this.pid))), everyMs);
  }

  stop(): void {
    clearInterval(this.timer);
  }
}
