import fc from "fast-check";
import t from "tap";
import { ClientAddresses } from "../../src/shard/client-address.js";

const never = (): string => {
  throw new Error("nobody is trusted: it is not asked for");
};

void t.test("without trusted proxies it is who is at the other end", (t) => {
  const direct = new ClientAddresses([]);
  t.equal(direct.clientOf("203.0.113.7", never), "203.0.113.7");
  t.equal(direct.clientOf("0000:0000:0000:0000:0000:ffff:cb00:7107", never), "203.0.113.7", "as a socket for both families tells it");
  t.equal(direct.clientOf("2001:0db8:0001:0002:aaaa:0000:0000:0001", never), "2001:db8:1:2", "one network is one client");
  t.equal(direct.clientOf("2001:db8:1:2::5", never), "2001:db8:1:2");
  t.not(direct.clientOf("2001:db8:1:3::5", never), "2001:db8:1:2");
  t.equal(direct.clientOf("", never), "", "whoever has no address is one client");
  t.end();
});

void t.test("behind trusted proxies it is the last one that none of them vouches for", (t) => {
  const addresses = new ClientAddresses(["10.0.0.0/8", "fd00::/8", "192.0.2.1"]);
  const clientOf = (remote: string, forwarded: string): string => addresses.clientOf(remote, () => forwarded);
  t.equal(clientOf("10.1.2.3", "203.0.113.7"), "203.0.113.7");
  t.equal(clientOf("10.1.2.3", "1.1.1.1, 203.0.113.7"), "203.0.113.7", "what a client says itself is not believed");
  t.equal(clientOf("10.1.2.3", "1.1.1.1, 203.0.113.7, 192.0.2.1,10.9.9.9"), "203.0.113.7");
  t.equal(clientOf("fd00:0:0:0:0:0:0:1", "[2001:db8:1:2::9]:4711"), "2001:db8:1:2");
  t.equal(clientOf("::ffff:10.1.2.3", "203.0.113.7:80"), "203.0.113.7");
  t.equal(clientOf("203.0.113.9", "1.1.1.1"), "203.0.113.9", "who is not trusted is not believed");
  t.equal(clientOf("10.1.2.3", ""), "10.1.2.3");
  t.equal(clientOf("10.1.2.3", "unknown"), "10.1.2.3");
  t.equal(clientOf("10.1.2.3", "203.0.113.7, garbage"), "10.1.2.3", "behind what cannot be read nothing is believed");
  t.equal(clientOf("10.1.2.3", "10.1.1.1, 10.1.1.2"), "10.1.1.1", "nobody but proxies");
  t.equal(clientOf("10.1.2.3", `203.0.113.7${", 10.0.0.1".repeat(40)}`), "10.0.0.1", "a chain without end is cut");
  t.end();
});

void t.test("whatever a client sends behind a proxy, it stays one client, and nothing throws", (t) => {
  const addresses = new ClientAddresses(["10.0.0.0/8"]);
  fc.assert(fc.property(fc.string({ maxLength: 200 }), (text) => addresses.clientOf("10.0.0.1", () => `${text}, 203.0.113.7`) === "203.0.113.7"));
  fc.assert(fc.property(fc.ipV6(), (address) => addresses.clientOf(address, () => "") === addresses.clientOf(address.toUpperCase(), () => "")));
  t.end();
});
