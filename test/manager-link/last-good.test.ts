// The last good snapshot on disk: whole, or known to be broken.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import type { HeldSnapshot } from "../../src/manager-link/held-snapshot.js";
import { LastGood } from "../../src/manager-link/last-good.js";
import { checksumOf } from "../../src/snapshot/checksum.js";
import { parseLanguages } from "../support/link-actors.js";

function held(revision: number, text = "python 1=1(a b) 2=0; css 1=1"): HeldSnapshot {
  const languages = parseLanguages(text);
  return { revision, languages, checksum: checksumOf(languages) };
}

void t.test("what was written is read, and the folder is made for it", async (t) => {
  const disk = new LastGood(join(t.testdir(), "deep", "b1.snapshot"));
  t.same(await disk.read(), { kind: "none" });
  t.equal(await disk.write(held(7)), "");
  t.same(await disk.read(), { kind: "read", held: held(7) });
});

void t.test("of writes that come together the newest stays, and none is left beside it", async (t) => {
  const folder = t.testdir();
  const disk = new LastGood(join(folder, "b1.snapshot"));
  t.same(await Promise.all([1, 2, 3, 4].map((revision) => disk.write(held(revision)))), ["", "", "", ""]);
  t.match(await disk.read(), { kind: "read", held: { revision: 4 } });
  t.same(readdirSync(folder), ["b1.snapshot"]);
});

void t.test("a broken file is told apart, whatever happened to it", async (t) => {
  const path = join(t.testdir(), "b1.snapshot");
  const disk = new LastGood(path);
  await disk.write(held(7));
  const whole = readFileSync(path, "utf8");
  const reasonOf = async (text: string): Promise<string> => {
    writeFileSync(path, text);
    const outcome = await disk.read();
    return outcome.kind === "broken" ? outcome.reason : outcome.kind;
  };
  const readable: number[] = [];
  for (let length = 0; length < whole.length - 1; length++) if ((await reasonOf(whole.slice(0, length))) === "read") readable.push(length);
  t.same(readable, [], "cut to any length");
  t.match(await reasonOf(whole.replace('"revision":7', '"revision":8')), /its checksum is another one than its content's: it was cut or changed/);
  t.match(await reasonOf("{}"), /it does not begin as a snapshot of this program does/);
  t.match(await reasonOf(whole.replace("lintel-snapshot 1", "lintel-snapshot 2")), /it does not begin as/);
  t.equal(await reasonOf(whole), "read");
});

void t.test("a folder that cannot be written to is said, and ends nothing", async (t) => {
  const folder = t.testdir({ file: "" });
  t.match(await new LastGood(join(folder, "file", "b1.snapshot")).write(held(1)), /ENOTDIR|EEXIST/);
  t.match(await new LastGood(join(folder, "file", "b1.snapshot")).read(), { kind: "broken", reason: /ENOTDIR/ });
});
