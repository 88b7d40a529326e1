import t from "tap";
import { openLink, type LinkFlags } from "../../src/commands/balancer-link.js";
import { quiet } from "../support/link-actors.js";

const manager = { link: "manager:127.0.0.1:1", state: "/nowhere", tls: false };

void t.test("a balancer with a manager has settings of its own, from flags before a file", async (t) => {
  const folder = t.testdir({ "settings.yaml": "shards: 3\nhttp: { listen: 127.0.0.1:8081 }\n" });
  const { link, settings, name } = await openLink({ ...manager, link: "manager:127.0.0.1:1, [::1]:2", name: "b1", config: `${folder}/settings.yaml`, shards: "2" }, quiet);
  t.equal(link.name, "manager:127.0.0.1:1,[::1]:2");
  t.equal(name, "b1");
  t.match(settings, { shards: 2, http: { listen: { host: "127.0.0.1", port: 8_081 } }, languages: [] });
  t.match((await openLink(manager, quiet)).name, /^[A-Za-z0-9][\w.-]*$/, "the machine's name, when none is given");
});

void t.test("what cannot work is said in one sentence", async (t) => {
  const folder = t.testdir({ "languages.yaml": 'languages: { python: { versions: [{ version: "1" }] } }', "settings.yaml": "shards: 1\n" });
  const refusals: readonly (readonly [Partial<LinkFlags>, RegExp])[] = [
    [{ link: "manager:here" }, /--link manager: here: expected HOST:PORT, such as 127\.0\.0\.1:9900; the port is missing/],
    [{ link: "http://x" }, /--link http:\/\/x: expected file:PATH, such as file:lintel\.yaml, manager:HOST:PORT/],
    [{ name: "a b" }, /--name a b: expected up to 63 letters/],
    [{ config: `${folder}/languages.yaml` }, /languages come from there; leave them out here/],
    [{ config: `${folder}/none.yaml` }, /--config .*none\.yaml cannot be read: ENOENT/],
    [{ link: `file:${folder}/settings.yaml` }, /--state is for a balancer with a manager/],
    [{ tlsCert: "x" }, /a client certificate needs both --tls-cert and --tls-key/],
    [{ listen: "8080" }, /--listen 8080: expected an address such as 127\.0\.0\.1:8080; the port is missing/],
    [{ shards: "0" }, /--shards 0: expected a whole number from 1 to 256/],
  ];
  for (const [flags, message] of refusals) await t.rejects(openLink({ ...manager, ...flags }, quiet), { name: "UserError", exitCode: 2, message });
});
