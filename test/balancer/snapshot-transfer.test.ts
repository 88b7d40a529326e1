import t from "tap";
import { SnapshotTransfer, type ShardPublication } from "../../src/balancer/snapshot-transfer.js";
import type { ToShard } from "../../src/shard/messages.js";
import type { LanguageSnapshot } from "../../src/snapshot/snapshot.js";
import { parseLanguages } from "../support/link-actors.js";

function scene(batchWorkersMax = 500) {
  const posted: ToShard[] = [];
  const transfer = new SnapshotTransfer((message) => posted.push(message), "shard 0", { batchWorkersMax });
  const slotsOf = (): { versions: object; workers: object; languages: object } => ({ versions: {}, workers: {}, languages: {} });
  const publication = (nonce: number, languages: readonly LanguageSnapshot[]): ShardPublication =>
    ({ snapshot: { revision: nonce, nonce, languages }, share: 1, slotsOf }) as ShardPublication;
  /** What was posted since the last look: "stage python", "whole 1: css", "3: -css". */
  const news = (): string[] =>
    posted.splice(0).map((message) => {
      if (message.kind === "stage") return `stage ${message.batch.languages.map(({ language }) => language).join(" ")}`;
      if (message.kind !== "snapshot") return message.kind;
      const { nonce, whole, languages, removed } = message.update;
      return `${whole ? "whole " : ""}${nonce}:${languages.map(({ language }) => ` ${language}`).join("")}${removed.map((language) => ` -${language}`).join("")}`;
    });
  return { transfer, publication, news };
}

const [python, css, go] = parseLanguages("python 1=1(a b); css 1=1(c); go 1=1(d)") as [LanguageSnapshot, LanguageSnapshot, LanguageSnapshot];

void t.test("a shard gets what it does not have", async (t) => {
  const { transfer, publication, news } = scene();
  const first = transfer.apply(publication(1, [python, css]));
  t.same(news(), ["whole 1: python css"]);
  transfer.hear({ kind: "applied", revision: 1, nonce: 1 });
  t.same(await first, { kind: "applied" });
  void transfer.apply(publication(2, [{ ...python }, go]));
  t.same(news(), ["2: python go -css"], "what is another object is another language");
  t.end();
});

void t.test("while one is underway only the newest waits, and it answers for those it took the place of", async (t) => {
  const { transfer, publication, news } = scene();
  const outcomes = [1, 2, 3].map((nonce) => transfer.apply(publication(nonce, nonce === 2 ? [python, css] : [python, go])));
  t.same(news(), ["whole 1: python go"]);
  transfer.hear({ kind: "applied", revision: 1, nonce: 1 });
  t.same(news(), ["3:"], "the second one was never sent, and nothing is different in the third");
  transfer.hear({ kind: "applied", revision: 3, nonce: 3 });
  t.same(await Promise.all(outcomes), [{ kind: "applied" }, { kind: "applied" }, { kind: "applied" }]);
});

void t.test("much goes in batches, each after the answer to the last, and is swapped to at once", (t) => {
  const { transfer, publication, news } = scene(2);
  void transfer.apply(publication(1, [css, python, go]));
  t.same(news(), ["stage css"]);
  transfer.hear({ kind: "staged" });
  t.same(news(), ["stage python"]);
  transfer.hear({ kind: "staged" });
  t.same(news(), ["whole 1: go"]);
  t.end();
});

void t.test("a shard that starts again gets the newest as a whole, and so does one that has refused", async (t) => {
  const { transfer, publication, news } = scene();
  const first = transfer.apply(publication(1, [python]));
  transfer.ended();
  t.same(await first, { kind: "applied" }, "nobody waits for a shard that is gone");
  void transfer.apply(publication(2, [python, css]));
  news();
  transfer.restarted();
  t.same(news(), ["whole 2: python css"]);
  const third = transfer.apply(publication(3, [python]));
  transfer.hear({ kind: "applied", revision: 2, nonce: 2 });
  t.same(news(), ["3: -css"]);
  transfer.hear({ kind: "refused", revision: 3, nonce: 3, reason: "no" });
  t.same(await third, { kind: "refused", reason: "shard 0: no" });
  void transfer.apply(publication(4, [python]));
  t.same(news(), ["whole 4: python"]);
});
