/**
 * What balancing/novel-inputs.ts adds to every request, in ns: for inputs that are all new, and for one that comes
 * again and again. Run: node dist/bench/micro/novel-inputs.js [seconds]
 */
import { fingerprintOf, newSharedNovelInputs, NovelInputs } from "../../src/balancing/novel-inputs.js";
import { seededRandom } from "../../src/base/random.js";

const seconds = Number(process.argv[2] ?? 2);
const sourceBytes = 1_024;
const inFlight = 64;
const random = seededRandom(1);
/** Few: a source was copied a moment before it is looked at, so it is in the cache. */
const sources = Array.from({ length: 64 }, () => Buffer.from(Array.from({ length: sourceBytes }, () => random.next() * 256)));

function measure(name: string, run: (novel: NovelInputs, count: number) => void): void {
  const novel = new NovelInputs(newSharedNovelInputs());
  const batch = 100_000;
  run(novel, batch);
  const nsPerRun: number[] = [];
  const endMs = performance.now() + seconds * 1_000;
  while (performance.now() < endMs) {
    const startMs = performance.now();
    run(novel, batch);
    nsPerRun.push(((performance.now() - startMs) * 1e6) / batch);
  }
  nsPerRun.sort((one, other) => one - other);
  process.stdout.write(`${name}: ${(nsPerRun[nsPerRun.length >> 1] ?? 0).toFixed(1)} ns, best ${(nsPerRun[0] ?? 0).toFixed(1)} ns\n`);
}

let sum = 0;
measure("a fingerprint", (_novel, count) => {
  for (let index = 0; index < count; index++) sum += fingerprintOf(sources[index & 63]!, index);
});
measure("an input never answered before: fingerprint, look-up, enter, leave, note", (novel, count) => {
  const open = new Int32Array(inFlight);
  for (let index = 0; index < count; index++) {
    const done = open[index % inFlight] ?? 0;
    if (done !== 0) {
      novel.leave(done);
      novel.noteAnswered(done);
    }
    const fingerprint = fingerprintOf(sources[index & 63]!, index);
    const entered = !novel.isAnswered(fingerprint) && novel.enter(fingerprint, 1 + (index & 31)) === 0;
    open[index % inFlight] = entered ? fingerprint : 0;
  }
});
measure("one that was: fingerprint, look-up", (novel, count) => {
  novel.noteAnswered(fingerprintOf(sources[0]!, 1));
  for (let index = 0; index < count; index++) sum += novel.isAnswered(fingerprintOf(sources[0]!, 1)) ? 1 : 0;
});
if (sum === 0) process.stdout.write("nothing was measured\n");
