import t from "tap";
import { RequestIds } from "../../src/shard/request-ids.js";

void t.test("ids are base 36 numbers in order, none twice", (t) => {
  const ids = new RequestIds("ab-0-");
  for (let count = 1; count < 36 ** 2 * 40; count++) {
    const id = ids.next();
    if (id !== `ab-0-${count.toString(36).padStart(3, "0")}`) t.fail(`${id} is not number ${count}`);
  }
  t.equal(ids.next(), "ab-0-1400");
  t.end();
});
