// The dashboard's way to a manager: whoever asks is judged by what they show, never by what the balancer could show.
import { chmodSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { managerDesk } from "../../src/commands/manager-desk.js";
import { clientSecurity } from "../../src/rpc/client-security.js";
import { startAdminServer } from "../support/admin-server.js";
import { CertificateAuthority } from "../support/certificates.js";
import { missing } from "../interop/debian.js";
import { folderWith } from "../support/run-lintel.js";

const nobody = { token: "", user: "" };
const olga = { token: "0123456789abcdef-olga", user: "" };
const weights = { change: { kind: "undo", revision: 0 }, dryRun: true, ifRevision: 0, reason: "", requestId: "" } as const;
const needsOpenssl = { skip: missing("openssl", ["openssl", "version"]) };

function folder(t: Test): string {
  const { path, remove } = folderWith({ tokens: `operator olga ${olga.token}\n` });
  chmodSync(join(path, "tokens"), 0o600);
  t.teardown(remove);
  return path;
}

void t.test("where nobody is asked for proof, everybody may look, and whoever says a name may change something", async (t) => {
  const { address } = await startAdminServer(t, {});
  const desk = managerDesk([address], clientSecurity({ tls: false }));
  t.equal(desk.name, `manager at ${address}`);
  t.match(await desk.fleet(nobody), { kind: "answer", value: { revision: 0, balancers: [{ balancer: "b1" }], history: [] } });
  t.match(await desk.who(nobody), { kind: "refused", why: "not-allowed" });
  t.match(await desk.change(nobody, weights), { kind: "refused", why: "not-allowed", reason: "sign in first" });
  t.same(await desk.who({ token: "", user: "vera" }), { kind: "answer", value: { who: "vera (not verified)", role: "admin", mayOperate: true } });
  t.match(await desk.change({ token: "", user: "vera" }, weights), { kind: "refused", why: "unavailable", reason: /undo/ }, "a refusal of the manager comes as it is");
  t.match(await desk.change({ token: "", user: "vera" }, { ...weights, ifRevision: 7 }), { kind: "refused", why: "conflict" });
  t.match(await desk.change({ token: "", user: "vera" }, { ...weights, change: { kind: "drain", workerId: "none", drained: true } }), { kind: "refused", why: "invalid" });
});

void t.test("where a token is asked for, the balancer's own is never used for somebody else", async (t) => {
  const path = folder(t);
  const { address } = await startAdminServer(t, { security: { tokensFile: join(path, "tokens") } });
  const desk = managerDesk([address], clientSecurity({ tls: false, token: olga.token }));
  t.match(await desk.fleet(nobody), { kind: "refused", why: "not-allowed", reason: /asks for a token/ });
  t.same(await desk.who(olga), { kind: "answer", value: { who: "olga", role: "operator", mayOperate: true } });
});

void t.test("nor is its certificate", needsOpenssl, async (t) => {
  const path = folder(t);
  const authority = new CertificateAuthority(path);
  const own = authority.issue("balancer", "/CN=edge/OU=admin");
  const balancer = clientSecurity({ tls: true, caFile: authority.caFile, ...own });
  const withBoth = await startAdminServer(t, { host: "0.0.0.0", security: { ...authority.issue("server", "/CN=manager"), clientCaFile: authority.caFile, tokensFile: join(path, "tokens") } });
  const desk = managerDesk([withBoth.address], balancer);
  t.match(await desk.fleet(nobody), { kind: "refused", why: "not-allowed", reason: /by certificates/ });
  t.match(await desk.change({ token: "", user: "eve" }, weights), { kind: "refused", why: "not-allowed", reason: /by certificates/ });
  t.match(await desk.who(olga), { kind: "answer", value: { who: "olga" } });
  const withoutTokens = await startAdminServer(t, { host: "0.0.0.0", security: { ...authority.issue("other", "/CN=manager"), clientCaFile: authority.caFile } });
  t.match(await managerDesk([withoutTokens.address], balancer).change(olga, weights), { kind: "refused", why: "not-allowed", reason: /by certificates/ }, "nor with a token that nobody looked at");
});

void t.test("a token does not travel where others can read it, and a manager that is away is said to be", async (t) => {
  const inTheClear = managerDesk(["192.0.2.1:9900"], clientSecurity({ tls: false }));
  t.match(await inTheClear.who(olga), { kind: "refused", why: "invalid", reason: /use TLS/ });
  const away = managerDesk(["127.0.0.1:1"], clientSecurity({ tls: false }));
  t.match(await away.fleet(nobody), { kind: "refused", why: "unavailable", reason: /^no manager answers at 127\.0\.0\.1:1/ });
});
