// Balancer, worker and manager as processes with `--mutual-tls` alone: all that goes between them is TLS 1.3 with certificates on both sides,
// strangers are refused at each of the three, and an administrator's certificate makes an administrator.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect, type ConnectionOptions } from "node:tls";
import t, { type Test } from "tap";
import type { StatusDocument } from "../../src/client/admin-documents.js";
import { missing } from "../interop/debian.js";
import { CertificateAuthority } from "../support/certificates.js";
import { startManager } from "../support/managed-service.js";
import { peerFolder } from "../support/peer-folders.js";
import { type Administrator, administratorOf } from "../support/run-admin.js";
import { folderWith, runLintel } from "../support/run-lintel.js";
import { type Program, startProgram, startUp, startWorker } from "../support/service.js";
import { waitUntil } from "../support/wait-until.js";
import { type PeerFolder, readPeerFolder } from "../../src/base/peer-certificates.js";

const options = { skip: missing("openssl", ["openssl", "version"]), timeout: 120_000 };

interface Ground {
  readonly path: string;
  /** The flags of whoever has a certificate of the fleet's authority, with this subject. */
  readonly as: (name: string, subject?: string) => readonly ["--mutual-tls", string];
  readonly stranger: readonly ["--mutual-tls", string];
}

function ground(t: Test): Ground {
  const { path, remove } = folderWith({});
  t.teardown(remove);
  const [ours, theirs] = [new CertificateAuthority(path), new CertificateAuthority(path, "theirs")];
  return { path, as: (name, subject) => ["--mutual-tls", peerFolder(path, ours, name, subject)], stranger: ["--mutual-tls", peerFolder(path, theirs, "stranger", "/CN=alice/OU=admin")] };
}

/** "TLSv1.3", or why there is no connection on which the other side would listen. */
function handshake(port: number, options: ConnectionOptions): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, ALPNProtocols: ["h2"], rejectUnauthorized: false, ...options });
    socket.setTimeout(30_000, () => resolve("silence"));
    // With TLS 1.3 a client hears only afterwards that its certificate was refused; a server that lets it in sends its SETTINGS.
    socket.once("data", () => {
      resolve(socket.getProtocol() ?? "");
      socket.destroy();
    });
    socket.once("error", (error: Error) => resolve(error.message));
    socket.once("close", () => resolve("closed"));
  });
}

async function holdsStrangersOff(t: Test, who: string, port: number, { ca, cert, key }: PeerFolder, stranger: PeerFolder): Promise<void> {
  t.equal(await handshake(port, { ca, cert, key, rejectUnauthorized: true, checkServerIdentity: () => undefined }), "TLSv1.3", `${who} lets the fleet in`);
  t.match(await handshake(port, { ca, cert, key, maxVersion: "TLSv1.2" }), /protocol version|closed|ECONNRESET/, `${who} speaks nothing older`);
  t.match(await handshake(port, {}), /certificate required|closed|ECONNRESET/, `${who} refuses nobody in particular`);
  t.match(await handshake(port, { cert: stranger.cert, key: stranger.key }), /unknown ca|closed|ECONNRESET|certificate/, `${who} refuses another authority's`);
}

function balancerOf(t: Test, manager: string, name: string, flags: readonly string[], ready: RegExp): Promise<Program & { readonly ready: RegExpExecArray }> {
  return startProgram(t, ["balancer", "--link", `manager:${manager}`, "--name", name, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--shards", "1", ...flags], ready);
}

/** A user's request until it is answered by a linter: what a worker runs arrives at the balancer a moment after it listens. */
async function lintThrough(url: string, language = "json"): Promise<string> {
  let body = "";
  await waitUntil("a report", async () => {
    const reply = await fetch(`${url}/v1/lint/${language}`, { method: "POST", body: '{"a" 1}' });
    body = await reply.text();
    return reply.status === 200;
  });
  return body;
}

async function workersOf(admin: Administrator): Promise<readonly StatusDocument["workers"][string][]> {
  return Object.values(((await admin.asks("workers")) as StatusDocument).workers);
}

void t.test("one option for the manager, the workers it starts, a worker that registers, the balancer and the administrator", options, async (t) => {
  const { path, as, stranger } = ground(t);
  const [, fleet] = as("fleet");
  const all = ["--mutual-tls", fleet] as const;
  const manager = await startManager(t, join(path, "manager.json"), all);
  const alice = administratorOf(manager.address, as("alice", "/CN=alice/OU=admin"));
  await alice.does("register", "json", "1", "--builtin", "json", "--replicas", "1", "--weight", "1");
  await alice.does("register", "css", "1", "--weight", "1");
  const worker = await startWorker(t, "css", ["--as-version", "1", "--threads", "1", "--manager", manager.address, ...all]);
  const balancer = await balancerOf(t, manager.address, "edge", all, /"msg":"balancer ready","url":"([^"]+)"/);
  t.match(await alice.asks("status", "--wait"), { balancers: { edge: { acked: 2, ready: true } } });
  await waitUntil("both workers to be there", async () => (await workersOf(alice)).filter(({ address }) => address !== "").length === 2);
  t.match(await lintThrough(balancer.ready[1]!), /ColonExpected/, "a worker that the manager started");
  t.match(await lintThrough(balancer.ready[1]!, "css"), /CssSyntaxError/, "a worker that registered");

  const [certificates, others] = [readPeerFolder(fleet), readPeerFolder(stranger[1])];
  const started = (await workersOf(alice)).find(({ language }) => language === "json");
  await holdsStrangersOff(t, "the manager", portOf(manager.address), certificates, others);
  await holdsStrangersOff(t, "the worker", portOf(worker.address), certificates, others);
  await holdsStrangersOff(t, "the manager's worker", portOf(started?.address ?? ""), certificates, others);

  // The balancer is called by users; at the manager and at workers it is who calls, and what answers must prove itself to it, too.
  const impostor = await startManager(t, join(path, "impostor.json"), stranger);
  await Promise.all([
    balancerOf(t, impostor.address, "misled", all, /a manager does not answer.*(self-signed|unable to verify)/),
    balancerOf(t, manager.address, "plain", [], /a manager does not answer/),
    balancerOf(t, manager.address, "foreign", stranger, /a manager does not answer/),
    startProgram(t, ["linter", "css", "--as-version", "1", "--threads", "1", "--manager", manager.address, ...stranger], /not registered; trying again.*(self-signed|unable to verify)/),
  ]);
  t.same(Object.keys(((await alice.asks("status")) as StatusDocument).balancers), ["edge"], "nobody else follows");
  t.equal((await workersOf(alice)).length, 2, "and nobody else has registered");
});

void t.test("a balancer uses no worker of another authority, nor one without certificates", options, async (t) => {
  const { path, as, stranger } = ground(t);
  const [plain, foreign, own] = await Promise.all([startWorker(t, "json", ["--threads", "1"]), startWorker(t, "json", ["--threads", "1", ...stranger]), startWorker(t, "json", ["--threads", "1", ...as("worker")])]);
  const configuration = join(path, "lintel.yaml");
  const versions = [plain, foreign, own].map(({ address }, index) => `      - { version: "3.3.1", weight: 1, workers: ["${address}"] }`.replace("3.3.1", index === 2 ? "3.3.1" : `no-${index}`));
  writeFileSync(configuration, `http: { listen: "127.0.0.1:0" }\nadmin: { listen: "127.0.0.1:0" }\nshards: 1\nlanguages:\n  json:\n    versions:\n${versions.join("\n")}\n`);
  const balancer = await startProgram(t, ["balancer", "--link", `file:${configuration}`, ...as("balancer")], /"msg":"balancer ready","url":"([^"]+)"/);
  for (let request = 0; request < 6; request++) t.match(await (await fetch(`${balancer.ready[1]!}/v1/lint/json`, { method: "POST", body: "{}" })).json(), { linter: { version: "3.3.1" } });
});

void t.test("a certificate says what its owner may; one that says nothing is a balancer's or a worker's", options, async (t) => {
  const { path, as } = ground(t);
  const tokens = join(path, "tokens");
  writeFileSync(tokens, "operator olga operator-token-0123456789\nviewer vera certificate\n", { mode: 0o600 });
  const manager = await startManager(t, join(path, "manager.json"), ["--platform", "none", "--tokens-file", tokens, ...as("manager")]);
  const tries = (flags: readonly string[]) => administratorOf(manager.address, flags);
  const alice = tries(as("alice", "/CN=alice/OU=admin"));
  await alice.does("register", "json", "1", "--weight", "1", "--reason", "mine");
  t.match(await alice.does("history"), /alice +register json 1 .*mine/);

  const edge = as("edge");
  t.match(await tries(edge).tries("status"), { code: 6, stderr: /edge has the role fleet, which may not look at the manager; it takes the role viewer/ });
  t.match(await tries(as("vera")).tries("weights", "json", "1=5"), { code: 6, stderr: /vera has the role viewer/ });
  writeFileSync(join(path, "olga"), "operator-token-0123456789\n");
  const olga = [...edge, "--token-file", join(path, "olga")];
  t.equal((await tries(olga).tries("weights", "json", "1=5")).code, 0, "a token counts, over the connection of whoever has a certificate");
  t.not((await tries(["--token-file", join(path, "olga")]).tries("status")).code, 0, "and not without");
  const elsewhere = await startManager(t, join(path, "elsewhere.json"), ["--platform", "none", "--listen", "127.0.0.2:0", ...as("elsewhere")]);
  t.match(await administratorOf(elsewhere.address, edge).tries("status"), { code: 1, stderr: /IP: 127\.0\.0\.2 is not in the cert's list/ }, "a manager's certificate names its address");
  const other = as("w1", "/CN=w1/OU=worker");
  await balancerOf(t, manager.address, "w1", other, /w1 has the role worker, which may not follow as a balancer/);
});

void t.test("a manager that comes back with other certificates has workers with those", options, async (t) => {
  const { path, as } = ground(t);
  const store = join(path, "manager.json");
  const alice = as("alice", "/CN=alice/OU=admin");
  const listening = async ({ address }: { readonly address: string }): Promise<number> => (await workersOf(administratorOf(address, alice))).find(({ state }) => state === "listening")?.pid ?? 0;
  const before = await startManager(t, store, as("old"));
  await administratorOf(before.address, alice).does("register", "json", "1", "--builtin", "json", "--replicas", "1", "--weight", "1");
  await waitUntil("the worker to listen", async () => (await listening(before)) !== 0);
  const pid = await listening(before);
  before.kill("SIGKILL");
  await waitUntil("the manager to be gone", () => !isThere(before.pid));

  const after = await startManager(t, store, as("new"));
  await waitUntil("another worker in its place", async () => ![0, pid].includes(await listening(after)));
  t.pass("replaced");
});

void t.test("lintel up has it for its manager, too; the separate flags contradict it", options, async (t) => {
  const { as, stranger } = ground(t);
  const all = as("all");
  const service = await startUp(t, { config: 'languages: { json: { versions: [{ version: "1", run: { builtin: json, threads: 1 } }] } }\n', args: all });
  t.match(await lintThrough(service.url), /ColonExpected/);
  await holdsStrangersOff(t, "its manager", portOf(service.manager), readPeerFolder(all[1]), readPeerFolder(stranger[1]));
  await administratorOf(service.manager, as("alice", "/CN=alice/OU=admin")).does("weights", "json", "1=5");
  t.not((await administratorOf(service.manager).tries("status")).code, 0);

  const contradictions: readonly (readonly [readonly string[], RegExp])[] = [
    [["manager", "--store", "file:x", "--tls-cert", "x", ...all], /^lintel: --mutual-tls and --tls-cert: .*give one of the two/],
    [["manager", "--store", "file:x", "--client-ca", "x", ...all], /--mutual-tls and --client-ca: /],
    [["manager", "--platform", "kubernetes", ...all], /--mutual-tls is not for --platform kubernetes/],
    [["admin", "status", "--tls", ...all], /--mutual-tls and --tls: /],
    [["linter", "json", "--tls-ca", "x", ...all], /--mutual-tls and --tls-ca: /],
    [["balancer", "--link", "manager:127.0.0.1:1", "--tls-key", "x", ...all], /--mutual-tls and --tls-key: /],
    [["admin", "status", "--mutual-tls", "/nowhere"], /--mutual-tls \/nowhere: ca\.crt cannot be read/],
  ];
  for (const [args, stderr] of contradictions) t.match(await runLintel(args), { code: 2, stderr });
});

/** Its streams stay open: the worker that it left has them. */
function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function portOf(address: string): number {
  return Number(address.split(":").at(-1));
}
