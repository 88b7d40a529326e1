// The tokens file: who is on it, what is refused in it, and what happens when it changes.
import { createHash } from "node:crypto";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { systemClock } from "../../src/base/clock.js";
import { AccessList } from "../../src/rpc/access-list.js";
import { leastRoleFor, mayDo, roles } from "../../src/rpc/roles.js";
import { recordingLogger } from "../support/recording-logger.js";
import { folderWith } from "../support/run-lintel.js";
import { waitUntil } from "../support/wait-until.js";

const token = "0123456789abcdef-alice";
const hash = createHash("sha256").update("a token that nobody wrote down").digest("hex");

function file(t: Test, text: string) {
  const { path: folder, remove } = folderWith({ tokens: text });
  const path = join(folder, "tokens");
  chmodSync(path, 0o600);
  const log = recordingLogger();
  t.teardown(remove);
  const open = async (): Promise<AccessList> => {
    const list = await AccessList.open(path, systemClock, log.logger);
    t.teardown(() => list.close());
    return list;
  };
  return { path, open, log };
}

void t.test("tokens, hashes of tokens and certificates let people in", async (t) => {
  const { open } = file(t, `# who may\n\nadmin alice ${token}\n  operator\tbob sha256:${hash}\nbalancer b1 certificate\nviewer alice 0123456789abcdef-other\r\n`);
  const list = await open();
  t.match(list.byToken(token), { who: "alice", role: "admin" });
  t.match(list.byToken("a token that nobody wrote down"), { who: "bob", role: "operator" });
  t.match(list.byToken("0123456789abcdef-other"), { who: "alice", role: "viewer" }, "one may have two");
  for (const wrong of ["", "0123456789abcdef-alicf", `${token} `, hash, `sha256:${hash}`, "certificate"]) t.equal(list.byToken(wrong), undefined, `not ${wrong}`);
  t.match(list.byCertificate("b1"), { who: "b1", role: "balancer" });
  t.equal(list.byCertificate("alice"), undefined, "who has a token has no certificate for that");
});

void t.test("what is wrong in it is told with its line, and never the secret", async (t) => {
  const refusal = async (text: string): Promise<string> => {
    const { open, path } = file(t, text);
    const message = await open().then(() => "opened", (thrown: unknown) => (thrown as Error).message);
    t.notMatch(message, "SECRET-0123456789");
    return message.replaceAll(path, "FILE");
  };
  t.equal(await refusal("admin a 0123456789abcdef\nboss bob SECRET-0123456789"), "FILE:2: there is no such role; expected ROLE NAME SECRET with one of the roles viewer, operator, balancer, worker, fleet, admin");
  t.match(await refusal("admin b/b SECRET-0123456789"), "FILE:1: the second word cannot be a name");
  t.match(await refusal("admin bob"), "FILE:1: expected three words");
  t.match(await refusal("admin bob SECRET-0123456789 more"), "FILE:1: expected three words");
  t.match(await refusal("admin bob short"), "FILE:1: the token has 5 characters, at least 16 are needed; make one with: openssl rand -hex 32");
  t.match(await refusal("admin bob sha256:SECRET-0123456789"), "is not 64 hexadecimal digits");
  t.match(await refusal("# nobody\n"), "the tokens file FILE lets nobody in");
  await t.rejects(AccessList.open("/nowhere/tokens", systemClock, recordingLogger().logger), { name: "UserError", message: "the tokens file /nowhere/tokens cannot be read: there is no such file" });
});

void t.test("a file that others can write is refused, one they can read is warned of", async (t) => {
  const plain = file(t, `admin alice ${token}`);
  chmodSync(plain.path, 0o602);
  await t.rejects(plain.open(), /can be written by everybody; run chmod 600/);
  chmodSync(plain.path, 0o644);
  await plain.open();
  t.match(plain.log.text(), "the tokens file can be read by everybody");
  const hashed = file(t, `admin alice sha256:${hash}`);
  chmodSync(hashed.path, 0o644);
  await hashed.open();
  t.equal(hashed.log.text(), "");
});

void t.test("a changed file holds from then on, a wrong one changes nothing", async (t) => {
  const { path, open, log } = file(t, `admin alice ${token}`);
  const list = await open();
  writeFileSync(path, "admin alice");
  await waitUntil("the refusal", () => log.text().includes("who was let in before still is"));
  t.match(list.byToken(token), { who: "alice" });
  writeFileSync(path, "admin bob 0123456789abcdef-bob");
  await waitUntil("the new one", () => list.byToken("0123456789abcdef-bob") !== undefined);
  t.equal(list.byToken(token), undefined);
});

void t.test("roles: an operator moves traffic, an admin says what runs, a balancer changes nothing", (t) => {
  const may = Object.fromEntries(roles.map((role) => [role, (["view", "operate", "administer", "follow", "join"] as const).filter((permission) => mayDo(role, permission)).join(" ")]));
  t.same(may, { viewer: "view", operator: "view operate", admin: "view operate administer follow join", balancer: "follow", worker: "join", fleet: "follow join" });
  t.equal(leastRoleFor("view"), "viewer");
  t.equal(leastRoleFor("join"), "worker");
  t.end();
});
