import t from "tap";
import { RequestIds } from "../../src/shard/request-ids.js";

void t.test("ids are base 36 numbers in order, none twice", (t) => {
  const ids = new RequestIds("ab-0-");
  for (let count = 1; count < 36 ** 2 * 40; count++) {
    const id = ids.next();
    if (id !== `ab-0-${count.toString(36).padStart(7, "0")}`) t.fail(`${id} is not number ${count}`);
  }
  t.equal(ids.next(), "ab-0-0001400");
  t.end();
});

void t.test("an id is written as bytes as it would be as text", (t) => {
  const ids = new RequestIds("ab-0-");
  const out = Buffer.alloc(ids.length + 2, "_");
  ids.writeNext(out, 1);
  t.equal(out.toString("latin1"), "_ab-0-0000001_");
  t.equal(ids.next(), "ab-0-0000002");
  t.end();
});
