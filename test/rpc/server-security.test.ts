// Who is let in: managers with TLS, tokens and client certificates, and real clients with and without them.
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { ChannelCredentials, status } from "@grpc/grpc-js";
import { clientSecurity } from "../../src/rpc/client-security.js";
import type { ServerSecurityOptions } from "../../src/rpc/server-security.js";
import type { ChangeKinds } from "../../src/rpc/admin-messages.js";
import { type AdminServer, startAdminServer } from "../support/admin-server.js";
import { missing } from "../interop/debian.js";
import { type CertificateFiles, CertificateAuthority } from "../support/certificates.js";
import { AdminCaller } from "../support/manager-process.js";
import { folderWith } from "../support/run-lintel.js";

const needsOpenssl = { skip: missing("openssl", ["openssl", "version"]) };

const tokens = { viewer: "0123456789abcdef-viewer", operator: "0123456789abcdef-operator", admin: "0123456789abcdef-admin" };
const tokensText = `viewer vera ${tokens.viewer}\noperator olga ${tokens.operator}\nadmin alice ${tokens.admin}\nviewer carol certificate\n`;

const register: ChangeKinds = { register: { language: "python", version: "1", weight: 1, builtin: "python", replicas: 1, workers: [], extensions: [] } };
const weights: ChangeKinds = { weights: { language: "python", weights: [{ version: "1", weight: 5 }] } };

function folder(t: Test) {
  const { path, remove } = folderWith({ tokens: tokensText });
  chmodSync(join(path, "tokens"), 0o600);
  t.teardown(remove);
  const start = (security: ServerSecurityOptions, host = "127.0.0.1"): Promise<AdminServer> => startAdminServer(t, { host, security });
  const caller = (manager: AdminServer, given: { token?: string; caFile?: string } & Partial<CertificateFiles>): AdminCaller => {
    const { credentials, token } = clientSecurity({ tls: given.caFile !== undefined, ...given });
    const one = new AdminCaller(manager.address, credentials);
    if (token !== "") one.metadata.set("authorization", `Bearer ${token}`);
    t.teardown(() => one.close());
    return one;
  };
  return { path, tokensFile: join(path, "tokens"), start, caller };
}

void t.test("tokens say who calls and what they may, also on loopback", async (t) => {
  const { tokensFile, start, caller } = folder(t);
  const manager = await start({ tokensFile });
  await t.rejects(caller(manager, {}).status(), { code: status.UNAUTHENTICATED, details: "the manager asks for a token; give one with --token-file or in LINTEL_TOKEN" });
  await t.rejects(caller(manager, { token: "0123456789abcdef-nobody" }).status(), { code: status.UNAUTHENTICATED, details: /^the token is not known here/ });
  const [viewer, operator, admin] = [caller(manager, { token: tokens.viewer }), caller(manager, { token: tokens.operator }), caller(manager, { token: tokens.admin })];
  t.equal((await viewer.status()).revision, 0);
  t.same(await viewer.who(), { who: "vera", role: "viewer", mayOperate: false, proof: "token" });
  t.same(await operator.who(), { who: "olga", role: "operator", mayOperate: true, proof: "token" });
  await t.rejects(viewer.change(weights), { code: status.PERMISSION_DENIED, details: "vera has the role viewer, which may not move traffic; it takes the role operator" });
  await t.rejects(operator.change(register), { code: status.PERMISSION_DENIED, details: "olga has the role operator, which may not change what is run; it takes the role admin" });
  await admin.change(register);
  await operator.change(weights);
  t.same((await viewer.history()).entries.map(({ who }) => who), ["olga", "alice"]);
  // Watches are let in or refused as calls are.
  const stream = caller(manager, {}).watch();
  const refusal = await new Promise((resolve) => stream.on("error", resolve).on("data", () => resolve("let in")));
  t.match(refusal, { code: status.UNAUTHENTICATED });
  const audit = readFileSync(manager.auditPath, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line) as { who: string; outcome: string });
  t.same(audit.map(({ who, outcome }) => `${who} ${outcome}`), ["vera refused", "olga refused", "alice done", "olga done"], "also who was refused");
  t.notMatch(readFileSync(manager.auditPath, "utf8"), "0123456789abcdef", "and no token");
});

void t.test("TLS with tokens may be reached from elsewhere", needsOpenssl, async (t) => {
  const { path, tokensFile, start, caller } = folder(t);
  const authority = new CertificateAuthority(path);
  const manager = await start({ ...authority.issue("server", "/CN=manager"), tokensFile }, "0.0.0.0");
  t.equal((await caller(manager, { caFile: authority.caFile, token: tokens.viewer }).status()).revision, 0);
  await t.rejects(caller(manager, { caFile: authority.caFile }).status(), { code: status.UNAUTHENTICATED });
  await t.rejects(caller(manager, { token: tokens.viewer }).status(), { code: status.UNAVAILABLE }, "not in the clear");
  const stranger = new CertificateAuthority(path, "stranger");
  await t.rejects(caller(manager, { caFile: stranger.caFile, token: tokens.viewer }).status(), { code: status.UNAVAILABLE }, "and a client that does not know the authority sends it nothing");
});

void t.test("client certificates say who calls; their unit or the tokens file what they may", needsOpenssl, async (t) => {
  const { path, tokensFile, start, caller } = folder(t);
  const authority = new CertificateAuthority(path);
  const manager = await start({ ...authority.issue("server", "/CN=manager"), clientCaFile: authority.caFile, tokensFile }, "0.0.0.0");
  const { caFile } = authority;
  const withCertificate = (name: string, subject: string): AdminCaller => caller(manager, { caFile, ...authority.issue(name, subject) });
  await withCertificate("alice", "/CN=alice/OU=admin").change(register);
  await withCertificate("olga", "/CN=olga/OU=operator").change(weights);
  t.match(await withCertificate("carol", "/CN=carol/OU=admin").who(), { who: "carol", role: "viewer", mayOperate: false, proof: "certificate" });
  await t.rejects(withCertificate("carol", "/CN=carol/OU=admin").change(weights), { code: status.PERMISSION_DENIED, details: /^carol has the role viewer/ }, "the file comes first");
  await t.rejects(withCertificate("dave", "/CN=dave").status(), { code: status.UNAUTHENTICATED, details: /^the certificate of dave gives no role/ });
  t.same((await withCertificate("b1", "/CN=b1/OU=viewer").history()).entries.map(({ who }) => who), ["olga", "alice"]);
  await t.rejects(caller(manager, { caFile, token: tokens.admin }).status(), { code: status.UNAVAILABLE }, "a token alone is not enough");
  const stranger = new CertificateAuthority(path, "stranger");
  await t.rejects(caller(manager, { caFile, ...stranger.issue("eve", "/CN=alice/OU=admin") }).status(), { code: status.UNAVAILABLE }, "nor another authority's certificate");
});

void t.test("a port that is open to others needs both, and says which is missing", async (t) => {
  const { tokensFile, start, path } = folder(t);
  const only = "the manager may only listen on loopback (127.0.0.1, ::1 or localhost), not on 0.0.0.0:0: it has no";
  const refused = (message: string | RegExp) => ({ exitCode: 2, message });
  await t.rejects(start({}, "0.0.0.0"), refused(`${only} TLS (--mutual-tls, or --tls-cert and --tls-key) and no proof of who calls (--mutual-tls, --tokens-file or --client-ca)`));
  await t.rejects(start({ tokensFile }, "0.0.0.0"), refused(`${only} TLS (--mutual-tls, or --tls-cert and --tls-key)`));
  await t.rejects(start({ certificateFile: "x" }), refused("TLS needs both --tls-cert and --tls-key"));
  await t.rejects(start({ clientCaFile: "x" }), refused(/are shown over TLS alone/));
  await t.rejects(start({ certificateFile: "/nowhere/x", keyFile: "y" }), refused("the file /nowhere/x cannot be read: there is no such file"));
  const garbage = join(path, "garbage");
  writeFileSync(garbage, "garbage");
  await t.rejects(start({ certificateFile: garbage, keyFile: garbage }), refused(/cannot be used: .*expected PEM files that belong together/));
});

void t.test("on loopback without any of it everybody is let in", async (t) => {
  const { start } = folder(t);
  const manager = await start({});
  const one = new AdminCaller(manager.address, ChannelCredentials.createInsecure());
  t.teardown(() => one.close());
  t.equal((await one.change(register)).revision, 1);
});
