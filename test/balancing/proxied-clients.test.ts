// Who is behind a loopback address: written by one, read by others over the same memory.
import t from "tap";
import { ProxiedClients } from "../../src/balancing/proxied-clients.js";

void t.test("an address stands for its client until it is released", (t) => {
  const memory = ProxiedClients.allocate(77, 600);
  const [door, shard] = [new ProxiedClients(memory), new ProxiedClients(memory)];
  const one = door.take(Uint8Array.from([203, 0, 113, 255]));
  const other = door.take(Uint8Array.from([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 9]));
  t.match([one, other], [/^127\.77\.\d+\.\d+$/, /^127\.77\.\d+\.\d+$/]);
  t.not(one, other);
  t.same([shard.clientAt(one!), shard.clientAt(other!)], ["203.0.113.255", "2001:db8:0:0:ffff:0:0:9"]);
  door.release(one!);
  t.equal(shard.clientAt(one!), undefined);
  t.equal(shard.clientAt(other!), "2001:db8:0:0:ffff:0:0:9");
  for (const address of ["127.0.0.1", "127.78.0.1", "127.77.2.88", "127.77.0", "127.77.", "10.77.0.1", "0:0:0:0:0:0:0:1", ""]) t.equal(shard.clientAt(address), undefined, address);
  t.end();
});

void t.test("each place is taken once, none when there is none, and a released one rests", (t) => {
  const clients = new ProxiedClients(ProxiedClients.allocate(64, 300));
  const take = (): string | undefined => clients.take(Uint8Array.from([1, 2, 3, 4]));
  const all = Array.from({ length: 300 }, take);
  t.equal(new Set(all).size, 300);
  t.notOk(all.includes(undefined));
  t.equal(take(), undefined);
  clients.release(all[7]!);
  clients.release(all[8]!);
  t.equal(take(), all[7]);
  clients.release(all[7]!);
  t.equal(take(), all[8], "the one that has been free for longer");
  clients.releaseAll();
  t.equal(Array.from({ length: 300 }, take).filter((one) => one !== undefined).length, 300);
  t.end();
});
