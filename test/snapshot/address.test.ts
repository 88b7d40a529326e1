import t from "tap";
import { addressHint, addressPattern, formatAddress, isLoopback, parseAddress } from "../../src/snapshot/address.js";

const worker = { portZero: false };

void t.test("addresses are read in one spelling", (t) => {
  const spellings: [string, string][] = [
    ["10.0.0.5:7070", "10.0.0.5:7070"],
    ["Linter-1.Example:7070", "linter-1.example:7070"],
    ["python.linters.svc.cluster.local:07070", "python.linters.svc.cluster.local:7070"],
    ["[::1]:1", "[::1]:1"],
    ["[0:0:0:0:0:0:0:1]:65535", "[::1]:65535"],
    ["[FD00::00A]:80", "[fd00::a]:80"],
    ["[fe80::1%eth0]:80", "[fe80::1%eth0]:80"],
  ];
  for (const [text, canonical] of spellings) {
    const address = parseAddress(text, worker);
    t.equal(address && formatAddress(address), canonical, text);
    t.match(text, new RegExp(addressPattern), `${text} passes the JSON Schema`);
  }
  t.end();
});

void t.test("what is no address is refused", (t) => {
  const bad = ["", ":80", "host", "host:", "host:0", "host:65536", "host:-1", "host:8o", "::1:80", "[::1]", "[::g]:80", "10.0.0.256:80", "1.2.3:80", "10:80", "http://h:80", "a b:80", "-a:80", "a..b:80", "h:80/x", "[1.2.3.4]:80", `${"a".repeat(64)}:1`];
  for (const text of bad) t.equal(parseAddress(text, worker), undefined, JSON.stringify(text));
  t.end();
});

void t.test("port 0 is for listening alone", (t) => {
  t.same(parseAddress("127.0.0.1:0", { portZero: true }), { host: "127.0.0.1", port: 0 });
  t.equal(parseAddress("127.0.0.1:0", { portZero: false }), undefined);
  t.end();
});

void t.test("likely slips are named", (t) => {
  t.equal(addressHint("fd00::5:7070"), '; an IPv6 address goes into brackets: "[fd00::5]:7070"');
  t.equal(addressHint("https://h:1"), "; leave out the scheme");
  t.equal(addressHint("10.0.0.5"), "; the port is missing");
  t.equal(addressHint("h:x"), "");
  t.end();
});

void t.test("loopback is what only this machine reaches", (t) => {
  t.same(["127.0.0.1", "127.9.9.9", "::1", "localhost"].map(isLoopback), [true, true, true, true]);
  t.same(["0.0.0.0", "::", "10.0.0.1", "127.example"].map(isLoopback), [false, false, false, false]);
  t.end();
});
