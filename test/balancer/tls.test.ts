// TLS on the users' port of a real balancer: what is spoken and what is refused, and a certificate that is replaced while clients are there.
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { Agent } from "node:https";
import { join } from "node:path";
import t, { type Test } from "tap";
import { followCertificate } from "../../src/balancer/certificate-files.js";
import { systemClock } from "../../src/base/clock.js";
import { startBalancerWith, versionOf } from "../support/balancer-in-process.js";
import { BalancerProcess, freePort, until } from "../support/balancer-process.js";
import { CertificateAuthority } from "../support/certificates.js";
import { quiet } from "../support/link-actors.js";
import { startLightWorker } from "../support/light-workers.js";
import { runLintel, runProcess } from "../support/run-lintel.js";
import { askSecurely, type SecureReply } from "../support/secure-client.js";
import { startUp } from "../support/service.js";

interface Ground {
  readonly folder: string;
  readonly authority: CertificateAuthority;
  /** The certificate in use. */
  readonly cert: string;
  readonly key: string;
  /** Puts the files of this name in its place, one after the other. */
  readonly install: (name: string) => void;
  readonly agent: (options?: ConstructorParameters<typeof Agent>[0]) => Agent;
}

/** An authority, and certificates for a server named "one" and "two"; "one" is in use. */
function ground(t: Test): Ground {
  const folder = t.testdir({});
  const authority = new CertificateAuthority(folder);
  for (const name of ["one", "two"]) authority.issue(name, `/CN=${name}`);
  const [cert, key] = [join(folder, "server.crt"), join(folder, "server.key")];
  const install = (name: string): void => {
    copyFileSync(join(folder, `${name}.crt`), cert);
    copyFileSync(join(folder, `${name}.key`), key);
  };
  install("one");
  const agents: Agent[] = [];
  t.teardown(() => agents.forEach((agent) => agent.destroy()));
  const agent: Ground["agent"] = (options) => {
    agents.push(new Agent({ ca: readFileSync(authority.caFile), ...options }));
    return agents.at(-1)!;
  };
  return { folder, authority, cert, key, install, agent };
}

async function secureBalancer(t: Test, { cert, key }: Ground): Promise<BalancerProcess> {
  const worker = await startLightWorker("json", "1");
  const balancer = await BalancerProcess.start({ http: { tls: { cert, key } }, limits: { drainQuietMs: 0 }, languages: { json: [{ version: "1", weight: 1, workers: [worker.id] }] } });
  t.teardown(async () => {
    await balancer.stop();
    worker.end();
  });
  return balancer;
}

void t.test("users connect over TLS 1.2 and 1.3, with whatever speaks it, and with nothing older", async (t) => {
  const given = ground(t);
  const { port, log } = await secureBalancer(t, given);
  for (const protocol of ["TLSv1.2", "TLSv1.3"] as const) {
    t.match(await askSecurely(port, given.agent({ minVersion: protocol, maxVersion: protocol })), { status: 200, server: "one", protocol });
  }
  const older = given.agent({ minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" });
  await t.rejects(askSecurely(port, older), { message: /alert protocol version/ });

  const weak = given.agent({ maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0" });
  await t.rejects(askSecurely(port, weak), { message: /handshake failure/ }, "a cipher of yesterday");

  const place = `127.0.0.1:${port}`;
  const shake = (...args: readonly string[]) => runProcess("openssl", ["s_client", "-connect", place, "-CAfile", given.authority.caFile, "-verify_return_error", ...args], { stdin: "" });
  t.match((await shake("-tls1_2")).stdout, /Protocol *: TLSv1\.2[^]*Verify return code: 0 \(ok\)/);
  t.match((await shake("-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")).stdout + (await shake("-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")).stderr, /alert protocol version/);
  t.match(await runProcess("curl", ["-sS", "--cacert", given.authority.caFile, "--data-binary", "@-", `https://${place}/v1/lint/json`], { stdin: "{}" }), { code: 0, stdout: /"language":"json"/ });
  t.not((await runProcess("curl", ["-sS", `http://${place}/v1/languages`])).code, 0, "plain HTTP gets nothing there");
  t.match(log, new RegExp(`"url":"https://${place}"`));

  const source = join(given.folder, "a.json");
  writeFileSync(source, "{}\n");
  t.match(await runLintel(["lint", "--url", `https://${place}`, "--ca-file", given.authority.caFile, source]), { code: 0, stdout: "" });
  t.match(await runLintel(["lint", "--url", `https://${place}`, source]), { code: 2, stderr: /no secure connection could be made/ });
  t.match(await runLintel(["lint", "--url", "http://127.0.0.1:1", "--ca-file", given.authority.caFile, source]), { code: 2, stderr: /--ca-file .* is for an address that begins with https/ });
});

void t.test("a certificate is replaced by a reload or by a change of its files, and no connection is lost", async (t) => {
  const given = ground(t);
  const balancer = await secureBalancer(t, given);
  const { port } = balancer;
  const kept = Array.from({ length: 6 }, () => given.agent({ keepAlive: true, maxSockets: 1 }));
  const first = await Promise.all(kept.map((agent) => askSecurely(port, agent)));
  const fresh = (): Promise<SecureReply> => askSecurely(port, given.agent({ maxCachedSessions: 0 }));

  // Without a pause: kept-alive connections one request after the other, and ever new ones.
  let going = true;
  const seen: SecureReply[] = [];
  const load = [...kept, undefined, undefined].map(async (agent) => {
    while (going) seen.push(await (agent === undefined ? fresh() : askSecurely(port, agent)));
  });
  try {
    given.install("two");
    // Whoever watches the files may have been quicker: then there is nothing left to apply.
    t.match(await balancer.reload(), { kind: /^(applied|unchanged)$/ });
    t.equal((await fresh()).server, "two", "from the answer on, new connections get it");
    given.install("one");
    await until(async () => (await fresh()).server === "one", 10_000, () => "the watched files to be read");

    writeFileSync(given.key, readFileSync(join(given.folder, "two.key")));
    const refused = (await balancer.reload()) as { readonly problems: readonly string[] };
    t.match(refused, { kind: "refused", problems: [/server\.key does not belong to the first certificate in .*server\.crt; .*the certificate before it stays in use$/] });
    t.ok(balancer.log.includes(JSON.stringify(refused.problems[0])), "and the log says it, too");
    t.equal((await fresh()).server, "one");
  } finally {
    going = false;
    await Promise.all(load);
  }
  t.ok(seen.every(({ status }) => status === 200), `all of ${seen.length} requests were answered`);
  const last = await Promise.all(kept.map((agent) => askSecurely(port, agent)));
  t.same(last.map(({ localPort, server }) => [localPort, server]), first.map(({ localPort }) => [localPort, "one"]), "kept-alive connections are the same as before");
  const expires = await balancer.metric("lintel_tls_certificate_expires_timestamp_seconds");
  t.ok(Math.abs(expires - systemClock.wallMs() / 1_000 - 2 * 86_400) < 3_600, `in two days: ${expires}`);
});

void t.test("a shard that crashed comes back with the newest certificate", async (t) => {
  const given = ground(t);
  const certificate = (name: string) => ({ cert: readFileSync(join(given.folder, `${name}.crt`), "utf8"), key: readFileSync(join(given.folder, `${name}.key`), "utf8") });
  const worker = await startLightWorker("json", "1");
  const { balancer } = await startBalancerWith([{ language: "json", extensions: [], spill: true, versions: [versionOf([worker.port])] }], 1, {}, { certificate: certificate("one") });
  t.teardown(async () => {
    await balancer.drain();
    worker.end();
  });
  t.equal(await balancer.renewCertificate(certificate("two")), "");
  t.match(await balancer.renewCertificate({ ...certificate("two"), key: certificate("one").key }), /BoringSSL\) does not take/, "what it cannot use changes nothing");
  balancer.crashShard(0);
  await until(() => balancer.threadStates()[0]?.restarts === 1 && balancer.notReadyBecause() === "", 10_000, () => "the shard to be back");
  t.equal((await askSecurely(balancer.port, given.agent())).server, "two");
});

void t.test("a certificate or key that cannot be used is one sentence at the start, and exit code 2", async (t) => {
  const { folder, cert, key, authority } = ground(t);
  const refusals: readonly (readonly [string, string, RegExp])[] = [
    [join(folder, "none.crt"), key, /^the file .*none\.crt cannot be read: there is no such file$/],
    [key, key, /server\.key: there is no PEM certificate in it; expected the server's/],
    [cert, cert, /server\.crt: no private key can be read from it \(.*\); expected one in PEM, without a passphrase$/],
    [cert, join(folder, "two.key"), /two\.key does not belong to the first certificate in .*server\.crt; expected PEM files that belong together$/],
  ];
  for (const [certFile, keyFile, message] of refusals) await t.rejects(followCertificate({ cert: certFile, key: keyFile }, systemClock, quiet), { name: "UserError", exitCode: 2, message });
  const run = await runProcess("openssl", ["ec", "-in", key, "-aes128", "-passout", "pass:secret", "-out", join(folder, "locked.key")]);
  t.equal(run.code, 0);
  await t.rejects(followCertificate({ cert, key: join(folder, "locked.key") }, systemClock, quiet), { message: /it is encrypted/ });

  const later = { ...systemClock, wallMs: () => systemClock.wallMs() + 3 * 86_400_000, nowMs: () => systemClock.nowMs() };
  const files = await followCertificate({ cert, key }, later, quiet);
  copyFileSync(join(folder, "two.crt"), cert);
  copyFileSync(join(folder, "two.key"), key);
  t.match(await files.look(), { kind: "bad", problem: /server\.crt: this certificate has expired \(.*\); the certificate before it stays in use/ }, "what has expired replaces nothing");

  const config = join(folder, "lintel.yaml");
  writeFileSync(config, `http: { listen: "127.0.0.1:${await freePort()}" }\nadmin: { listen: "127.0.0.1:0" }\n`);
  const start = (...flags: readonly string[]) => runLintel(["balancer", "--link", `file:${config}`, ...flags], { cwd: folder });
  t.match(await start("--http-cert", authority.caFile, "--http-key", "server.key"), { code: 2, stderr: /^lintel: the key \/.*server\.key does not belong[^\n]*\n$/ });
  t.match(await start("--http-cert", "server.crt"), { code: 2, stderr: "lintel: TLS needs both --http-cert and --http-key\n" });
});

void t.test("lintel up says https, and serves it", async (t) => {
  const given = ground(t);
  const worker = await startLightWorker("json", "1");
  t.teardown(() => worker.end());
  const config = `languages: { json: { versions: [{ version: "1", workers: ["${worker.id}"] }] } }\n`;
  const service = await startUp(t, { config, args: ["--http-cert", given.cert, "--http-key", given.key] });
  t.match(service.stdout(), /ready at https:\/\/127\.0\.0\.1:\d+/);
  const port = Number(/ready at https:\/\/127\.0\.0\.1:(\d+)/.exec(service.stdout())?.[1]);
  t.match(await askSecurely(port, given.agent()), { status: 200, server: "one" });
});
