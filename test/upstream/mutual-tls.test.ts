// Balancers and workers prove to each other who they are: a real worker process, the shard's own client, and those who must not get in.
import { createSecureServer, createServer } from "node:http2";
import type { AddressInfo, Server } from "node:net";
import { join } from "node:path";
import t, { type Test } from "tap";
import { type PeerCertificates, readPeerFolder } from "../../src/base/peer-certificates.js";
import { CertificateAuthority } from "../support/certificates.js";
import { peerFolder } from "../support/peer-folders.js";
import { ask } from "../support/raw-http.js";
import { startUp, startWorker } from "../support/service.js";
import { Client } from "./http2-client.js";

interface Ground {
  readonly worker: string;
  readonly balancer: PeerCertificates;
  /** Of another authority. */
  readonly stranger: PeerCertificates;
}

function ground(t: Test): Ground {
  const folder = t.testdir({});
  const [ours, theirs] = [new CertificateAuthority(folder), new CertificateAuthority(folder, "theirs")];
  return { worker: peerFolder(folder, ours, "worker"), balancer: readPeerFolder(peerFolder(folder, ours, "balancer")), stranger: readPeerFolder(peerFolder(folder, theirs, "stranger")) };
}

void t.test("a worker answers who has a certificate of its authority, and nobody else", async (t) => {
  const { worker, balancer, stranger } = ground(t);
  const { address } = await startWorker(t, "json", ["--mutual-tls", worker, "--threads", "1"]);
  const port = Number(address.split(":")[1]);

  const client = new Client(port, { tls: balancer });
  await client.event(/^open/);
  t.match(await client.connection.describe(5_000), { language: "json" });
  // More than one TLS record and more than one read, both ways.
  const source = `[${Array.from({ length: 5_000 }, (_, index) => `"${index}`).join("\n")}]`;
  const outcomes = await Promise.all([client.lint("{}").outcome, client.lint('{"a": }').outcome, client.lint(source, { timeoutMs: 20_000 }).outcome]);
  t.match(outcomes[0], { report: /"diagnostics":\[\]/ });
  t.match(outcomes[1], { report: /ValueExpected/ });
  const whole = "report" in outcomes[2] ? outcomes[2].report : JSON.stringify(outcomes[2]);
  t.ok(whole.length > 100_000 && whole.endsWith("}"), `a large report comes whole: ${whole.length} bytes, ${whole.slice(-200)}`);
  client.connection.close();

  for (const [who, tls] of [["nobody", undefined], ["a stranger", stranger], ["one without a certificate of its own kind", { ...stranger, ca: balancer.ca }]] as const) {
    const refused = new Client(port, { tls });
    await refused.event(/^closed/);
    await t.rejects(refused.connection.describe(1_000), who);
    t.notOk(refused.events.includes("open"), `${who}: ${refused.events.join("; ")}`);
  }
});

void t.test("a balancer sends sources to who has a certificate of its authority, and to nobody else", async (t) => {
  const { balancer, stranger } = ground(t);
  const seen: string[] = [];
  const listening = async (server: Server): Promise<number> => {
    t.teardown(() => new Promise((resolve) => server.close(resolve)));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return (server.address() as AddressInfo).port;
  };
  const impostor = createSecureServer({ ...stranger, requestCert: false }).on("stream", () => seen.push("impostor"));
  const plain = createServer().on("stream", () => seen.push("plain"));
  for (const server of [impostor, plain]) {
    const client = new Client(await listening(server), { tls: balancer });
    const reason = await client.event(/^closed/);
    t.notOk(client.events.includes("open"), reason);
  }
  t.same(seen, []);
});

void t.test("lintel up and the workers it starts have it by one option", async (t) => {
  const { worker, stranger } = ground(t);
  const service = await startUp(t, { config: 'languages: { json: { versions: [{ version: "1", run: { builtin: json, threads: 1 } }] } }\n', args: ["--mutual-tls", worker] });
  const port = Number(new URL(service.url).port);
  t.match(await ask({ host: "127.0.0.1", port }, { method: "POST", path: "/v1/lint/json", body: '{"a": }' }), { status: 200, body: /ValueExpected/ });
  const status = (await (await fetch(`${service.adminUrl}/status`)).json()) as { readonly snapshot: { readonly languages: readonly { readonly versions: readonly { readonly workers: readonly { readonly port: number }[] }[] }[] } };
  const workerPort = status.snapshot.languages[0]?.versions[0]?.workers[0]?.port ?? 0;
  const refused = new Client(workerPort, { tls: stranger });
  await refused.event(/^closed/);
  t.notOk(refused.events.includes("open"));
});

void t.test("a folder that cannot be used is one sentence", (t) => {
  const folder = t.testdir({ empty: {}, bad: { "ca.crt": "x", "tls.crt": "y", "tls.key": "z" } });
  t.throws(() => readPeerFolder(join(folder, "empty")), { name: "UserError", exitCode: 2, message: /--mutual-tls .*empty: ca\.crt cannot be read: there is no such file; expected ca\.crt, tls\.crt and tls\.key/ });
  t.throws(() => readPeerFolder(join(folder, "bad")), { name: "UserError", exitCode: 2, message: /its files cannot be used: / });
  t.end();
});
