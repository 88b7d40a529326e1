import t from "tap";
import { parseNetwork } from "../../src/snapshot/network.js";

void t.test("networks are read, and what is none is not", (t) => {
  t.same(parseNetwork("10.0.0.0/8"), { address: "10.0.0.0", prefix: 8, family: "ipv4" });
  t.same(parseNetwork("::1"), { address: "::1", prefix: 128, family: "ipv6" });
  t.same(parseNetwork("0.0.0.0/0"), { address: "0.0.0.0", prefix: 0, family: "ipv4" });
  for (const text of ["", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/8/8", "fd00::/129", "fe80::1%eth0", "host", "10.0.0.0/-1", "10.0.0.0/"]) t.equal(parseNetwork(text), undefined, text);
  t.end();
});
