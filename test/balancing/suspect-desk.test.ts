/** Whatever shards ask, in whatever order: one trial an input, one suspect a worker, two broken workers at most. */
import fc from "fast-check";
import t from "tap";
import { PoisonMemory } from "../../src/balancing/poison.js";
import { type SuspectAsk, SuspectDesk } from "../../src/balancing/suspect-desk.js";

const seed = Number(process.env["LINTEL_SEED"] ?? 20240614);
t.comment(`seed ${seed}`);

void t.test("suspects of several shards: never two at a worker, never one input twice, every question answered", (t) => {
  const workers = ["a", "b", "c", "d"];
  const step = fc.record({ kind: fc.constantFrom("ask", "ask", "break", "answer", "withdraw", "shard-end"), shard: fc.nat(2), pick: fc.nat(1_000), hash: fc.constantFrom("h1", "h2", "h3"), candidates: fc.subarray(workers, { minLength: 1 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const granted: { ask: SuspectAsk; worker: string }[] = [];
      let waiting: SuspectAsk[] = [];
      const broken = new Map<string, number>();
      const desk = new SuspectDesk(new PoisonMemory(), (ask, worker) => {
        waiting = waiting.filter((other) => other !== ask);
        if (worker === "") {
          if ((broken.get(ask.hash) ?? 0) < 2) throw new Error(`${ask.hash} is called poison after ${broken.get(ask.hash) ?? 0} broken workers`);
          return;
        }
        if (!ask.workers.includes(worker)) throw new Error(`${worker} was not asked for`);
        if (granted.some((trial) => trial.worker === worker)) throw new Error(`two suspects at ${worker}`);
        if (granted.some((trial) => trial.ask.hash === ask.hash)) throw new Error(`two trials of ${ask.hash}`);
        granted.push({ ask, worker });
      });
      let ids = 0;
      // Every input starts as a suspect: one worker broke on it, which no shard tried as a suspect.
      for (const hash of ["h1", "h2", "h3"]) {
        desk.note({ hash, worker: "first", version: "1", broke: true, alone: false }, 0);
        broken.set(hash, 1);
      }
      const end = (pick: number, finding?: { broke: boolean }): void => {
        const [trial] = granted.splice(pick % granted.length, 1);
        if (trial === undefined) return;
        const { ask, worker } = trial;
        if (finding?.broke === true) broken.set(ask.hash, (broken.get(ask.hash) ?? 0) + 1);
        if (finding?.broke === false && (broken.get(ask.hash) ?? 0) < 2) broken.set(ask.hash, 0);
        if (finding !== undefined) desk.note({ hash: ask.hash, worker, version: "1", broke: finding.broke, alone: true }, 0);
        desk.done(ask.shard, ask.id, 0);
      };
      for (const { kind, shard, pick, hash, candidates } of steps) {
        if (kind === "ask") {
          const ask = { shard, id: ++ids, hash, workers: candidates };
          waiting.push(ask);
          desk.ask(ask, 0);
        } else if (kind === "withdraw") {
          const [ask] = waiting.splice(pick % Math.max(1, waiting.length), 1);
          if (ask !== undefined) desk.done(ask.shard, ask.id, 0);
        } else if (kind === "shard-end") {
          waiting = waiting.filter((ask) => ask.shard !== shard);
          for (let index = granted.length - 1; index >= 0; index--) if (granted[index]?.ask.shard === shard) granted.splice(index, 1);
          desk.shardEnded(shard, 0);
        } else if (granted.length > 0) {
          end(pick, { broke: kind === "break" });
        }
        if (Math.max(...broken.values()) > 2) throw new Error("an input has cost three workers");
      }
      // Everything ends: nobody waits for ever.
      while (granted.length > 0) end(0);
      if (waiting.length > 0 || desk.size > 0) throw new Error(`${waiting.length} questions were never answered`);
    }),
    { seed, numRuns: 2_000 },
  );
  t.end();
});
