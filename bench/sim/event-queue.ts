/** The simulator's clockwork: a heap for events in any order and a ring for those that happen in the order they were planned. */

/** Smallest time first. */
export class EventHeap {
  readonly #atMs: number[] = [];
  readonly #what: number[] = [];

  get nextMs(): number {
    return this.#atMs[0] ?? Infinity;
  }

  push(atMs: number, what: number): void {
    let index = this.#atMs.length;
    this.#atMs.push(atMs);
    this.#what.push(what);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (this.#atMs[parent]! <= atMs) break;
      this.#atMs[index] = this.#atMs[parent]!;
      this.#what[index] = this.#what[parent]!;
      index = parent;
    }
    this.#atMs[index] = atMs;
    this.#what[index] = what;
  }

  pop(): number {
    const top = this.#what[0]!;
    const atMs = this.#atMs.pop()!;
    const what = this.#what.pop()!;
    const size = this.#atMs.length;
    if (size === 0) return top;
    let index = 0;
    for (let child = 1; child < size; child = 2 * index + 1) {
      if (child + 1 < size && this.#atMs[child + 1]! < this.#atMs[child]!) child++;
      if (this.#atMs[child]! >= atMs) break;
      this.#atMs[index] = this.#atMs[child]!;
      this.#what[index] = this.#what[child]!;
      index = child;
    }
    this.#atMs[index] = atMs;
    this.#what[index] = what;
    return top;
  }
}

/** First in, first out: a constant delay keeps the order. Grows as needed. */
export class EventRing {
  #atMs = new Float64Array(1024);
  #what = new Int32Array(1024);
  #head = 0;
  #size = 0;

  get nextMs(): number {
    return this.#size === 0 ? Infinity : this.#atMs[this.#head]!;
  }

  push(atMs: number, what: number): void {
    if (this.#size === this.#atMs.length) this.grow();
    const index = (this.#head + this.#size++) & (this.#atMs.length - 1);
    this.#atMs[index] = atMs;
    this.#what[index] = what;
  }

  pop(): number {
    const what = this.#what[this.#head]!;
    this.#head = (this.#head + 1) & (this.#atMs.length - 1);
    this.#size--;
    return what;
  }

  get size(): number {
    return this.#size;
  }

  private grow(): void {
    const atMs = new Float64Array(2 * this.#atMs.length);
    const what = new Int32Array(2 * this.#what.length);
    for (let index = 0; index < this.#size; index++) {
      const from = (this.#head + index) & (this.#atMs.length - 1);
      atMs[index] = this.#atMs[from]!;
      what[index] = this.#what[from]!;
    }
    this.#atMs = atMs;
    this.#what = what;
    this.#head = 0;
  }
}
