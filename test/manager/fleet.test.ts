// The balancers that follow a manager, told over time; the protocol's stories are in test/scenario/link/.
import t from "tap";
import { defaultFleetOptions, Fleet } from "../../src/manager/fleet.js";
import { ManualClock } from "../support/manual-clock.js";

const hello = { balancer: "b1", program: "0.1.0", instance: "i1", shards: 1, revision: 0, checksum: Buffer.alloc(0) };

void t.test("since when a revision is active stays as it was while workers come and go under it", (t) => {
  const clock = new ManualClock();
  const fleet = new Fleet(defaultFleetOptions, clock);
  const member = fleet.join(hello);
  const since = (): number => fleet.balancers()[0]?.ackedUnixMs ?? -1;
  t.equal(since(), 0, "nothing is active yet");
  const ackAt = (nonce: number, revision: number): number => {
    clock.pass(1_000);
    member.sent(nonce);
    member.acked(nonce, revision, [revision]);
    return clock.wallMs();
  };
  const first = ackAt(1, 0);
  t.equal(since(), first, "a manager without any configuration has revision 0");
  const seventh = ackAt(2, 7);
  t.equal(since(), seventh);
  ackAt(3, 7);
  t.equal(since(), seventh, "another worker under the same revision");
  const eighth = ackAt(4, 8);
  t.equal(since(), eighth);
  t.end();
});
