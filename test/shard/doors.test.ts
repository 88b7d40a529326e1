// The doors of a shard with TLS, by themselves: what has an older certificate is let go of when nobody is connected to it, and not before.
import { readFileSync } from "node:fs";
import { Agent } from "node:https";
import t from "tap";
import { Doors } from "../../src/shard/doors.js";
import { CertificateAuthority } from "../support/certificates.js";
import { askSecurely } from "../support/secure-client.js";
import { waitUntil } from "../support/wait-until.js";

void t.test("many certificates in turn: connections stay until their clients leave, and tidying cuts none", async (t) => {
  const authority = new CertificateAuthority(t.testdir({}));
  const certificates = ["one", "two"].map((name) => {
    const { certificateFile, keyFile } = authority.issue(name, `/CN=${name}`);
    return { cert: readFileSync(certificateFile, "utf8"), key: readFileSync(keyFile, "utf8") };
  });
  let connections = 0;
  const doors = new Doors({ tls: true, equip: (app) => void app.any("/*", (res) => void res.end("here")), onConnectionCount: (count) => (connections = count) });
  t.teardown(() => doors.close());
  const ca = readFileSync(authority.caFile);
  const kept: Agent[] = [];
  const ports: number[] = [];
  t.equal(doors.renew(certificates[0]!), "");
  const port = (await doors.listen("127.0.0.1", 0)) ?? 0;
  for (let turn = 0; turn < 8; turn++) {
    t.equal(doors.renew(certificates[turn % 2]!), "");
    const agent = new Agent({ ca, keepAlive: true, maxSockets: 1, maxCachedSessions: 0 });
    t.teardown(() => agent.destroy());
    kept.push(agent);
    const { server, localPort } = await askSecurely(port, agent, "/");
    t.equal(server, turn % 2 === 0 ? "one" : "two");
    ports.push(localPort);
    doors.tidy();
  }
  t.equal(connections, kept.length);
  const again = await Promise.all(kept.map((agent) => askSecurely(port, agent, "/")));
  t.same(again.map(({ localPort }) => localPort), ports, "everybody has the connection they had");

  for (const agent of kept.slice(0, 5)) agent.destroy();
  await waitUntil("five to be gone", () => connections === 3);
  doors.tidy();
  const last = await Promise.all(kept.slice(5).map((agent) => askSecurely(port, agent, "/")));
  t.same(last.map(({ localPort }) => localPort), ports.slice(5));
  t.match(doors.renew({ ...certificates[0]!, key: certificates[1]!.key }), /does not take/);
  const fresh = new Agent({ ca });
  t.equal((await askSecurely(port, fresh, "/")).server, "two", "what could not be used changed nothing");
});
