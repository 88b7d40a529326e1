/** Who may do what, with real processes: over TLS, balancers, workers and administrators prove who they are, by token or by certificate. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import t from "tap";
import type { StatusDocument } from "../../src/client/admin-documents.js";
import { CertificateAuthority } from "../support/certificates.js";
import { startManager } from "../support/managed-service.js";
import { administratorOf } from "../support/run-admin.js";
import { folderWith } from "../support/run-lintel.js";
import { startProgram, startWorker } from "../support/service.js";
import { waitUntil } from "../support/wait-until.js";

const skip = spawnSync("openssl", ["version"]).status !== 0 && "openssl is not installed (Debian: apt-get install openssl)";

const tokens = { admin: "admin-token-0123456789", balancer: "balancer-token-0123456789", worker: "worker-token-0123456789" };

void t.test("balancers and workers are let in with what is theirs, and with nothing else", { skip, timeout: 120_000 }, async (t) => {
  const { path, remove } = folderWith({ "tokens.list": `admin alice ${tokens.admin}\nbalancer edge ${tokens.balancer}\nworker w1 ${tokens.worker}\n` });
  t.teardown(remove);
  for (const [name, token] of Object.entries(tokens)) writeFileSync(join(path, name), `${token}\n`);
  const authority = new CertificateAuthority(path);
  const server = authority.issue("server", "/CN=manager");
  const tls = ["--tls-cert", server.certificateFile, "--tls-key", server.keyFile];
  const manager = await startManager(t, join(path, "manager.json"), ["--platform", "none", ...tls, "--tokens-file", join(path, "tokens.list")]);
  const as = (name: string): string[] => ["--tls-ca", authority.caFile, "--token-file", join(path, name)];
  const admin = administratorOf(manager.address, as("admin"));
  await admin.does("register", "json", "1", "--weight", "1");

  const ownPorts = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--shards", "1"];
  const follow = (name: string, flags: readonly string[], ready: RegExp) => startProgram(t, ["balancer", "--link", `manager:${manager.address}`, "--name", name, "--state", path, ...ownPorts, ...flags], ready);
  await Promise.all([
    follow("stranger", ["--tls-ca", authority.caFile], /the manager asks for a token/),
    follow("impostor", as("worker"), /w1 has the role worker, which may not follow as a balancer/),
    follow("plain", [], /a manager does not answer/),
    follow("edge", as("balancer"), /following a manager/),
    startWorker(t, "json", ["--as-version", "1", "--manager", manager.address, ...as("worker")]),
    startWorker(t, "json", ["--as-version", "1", "--manager", manager.address, ...as("balancer")]),
  ]);
  await waitUntil("the worker with the worker's token to be there", async () => Object.keys(((await admin.asks("workers")) as StatusDocument).workers).length === 1);
  const status = (await admin.asks("status", "--wait")) as StatusDocument;
  t.same(Object.keys(status.balancers), ["edge"], "nobody else follows");
  t.equal(Object.keys(status.workers).length, 1, "and no other worker is there");
  await waitUntil("the manager to have refused the other worker", () => /edge has the role balancer, which may not join as a worker/.test(manager.stderr()));
});

void t.test("certificates do as well: the name says who, the unit what they may", { skip, timeout: 120_000 }, async (t) => {
  const { path, remove } = folderWith({});
  t.teardown(remove);
  const authority = new CertificateAuthority(path);
  const server = authority.issue("server", "/CN=manager");
  const manager = await startManager(t, join(path, "manager.json"), ["--platform", "none", "--tls-cert", server.certificateFile, "--tls-key", server.keyFile, "--client-ca", authority.caFile]);
  const as = (name: string, role: string): string[] => {
    const { certificateFile, keyFile } = authority.issue(name, `/CN=${name}/OU=${role}`);
    return ["--tls-ca", authority.caFile, "--tls-cert", certificateFile, "--tls-key", keyFile];
  };
  const admin = administratorOf(manager.address, as("alice", "admin"));
  await admin.does("register", "json", "1", "--weight", "1", "--reason", "by certificate");
  t.equal((await administratorOf(manager.address, as("olga", "operator")).tries("unregister", "json", "1")).code, 6);
  t.match(await admin.does("history"), /alice +register json 1 .*by certificate/);
  await startWorker(t, "json", ["--as-version", "1", "--manager", manager.address, ...as("w1", "worker")]);
  await startProgram(t, ["balancer", "--link", `manager:${manager.address}`, "--name", "edge", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--shards", "1", ...as("edge", "balancer")], /balancer ready/);
  t.match(await admin.asks("status", "--wait"), { balancers: { edge: { acked: 1, ready: true } } });
});
