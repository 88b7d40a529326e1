// The dashboard's side of the admin port, in a real `lintel up` whose manager asks for tokens: the page, its events, who may change
// what, and what pages of other sites may do, which is nothing.
import { once } from "node:events";
import { chmodSync } from "node:fs";
import { get as httpGet, type IncomingMessage } from "node:http";
import { join } from "node:path";
import t, { type Test } from "tap";
import type { PictureChange, WholePicture } from "../../../src/balancer/dashboard/picture.js";
import { folderWith } from "../../support/run-lintel.js";
import { startUp, type Service } from "../../support/service.js";
import { waitUntil } from "../../support/wait-until.js";

const config = 'languages: { json: { versions: [{ version: "1", weight: 3, run: { builtin: json, threads: 1 } }, { version: "2", weight: 0, workers: ["127.0.0.1:1"] }] } }';
const tokens = { vera: "0123456789abcdef-vera", olga: "0123456789abcdef-olga" };

let service: Service;

void t.test("the dashboard", async (t) => {
  const { path, remove } = folderWith({ tokens: `viewer vera ${tokens.vera}\noperator olga ${tokens.olga}\n` });
  chmodSync(join(path, "tokens"), 0o600);
  t.teardown(remove);
  service = await startUp(t, { config, args: ["--tokens-file", join(path, "tokens")] });
  await t.test("browsers get the page at /, programs a line", page);
  await t.test("events: the whole picture, then what is different", events);
  await t.test("who may change what is the manager's to say", signing);
  await t.test("pages of other sites may do nothing, and neither may forms", others);
  await t.test("as many readers as there may be, and no more", crowd);
});

const get = (path: string, headers: Record<string, string> = {}): Promise<Response> => fetch(service.adminUrl + path, { headers });
const post = (path: string, body: object, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(service.adminUrl + path, { method: "POST", body: JSON.stringify(body), headers: { Origin: service.adminUrl, "Content-Type": "application/json", ...headers } });
const as = (who: keyof typeof tokens): Record<string, string> => ({ Authorization: `Bearer ${tokens[who]}` });
const weights = (weight: number) => ({ change: { kind: "weights", language: "json", weights: [{ version: "1", weight }, { version: "2", weight: 0 }] }, dryRun: false, ifRevision: 0, reason: "a test", requestId: "" });

async function page(t: Test): Promise<void> {
  const html = await get("/", { Accept: "text/html,*/*;q=0.8" });
  t.match([html.status, html.headers.get("content-type"), html.headers.get("content-security-policy")], [200, "text/html; charset=utf-8", /default-src 'none'; script-src 'self'/]);
  const text = await html.text();
  for (const [, path = ""] of text.matchAll(/(?:src|href)="(assets\/[^"]+)"/g)) t.equal((await get(`/${path}`)).headers.get("cache-control"), "public, max-age=31536000, immutable", path);
  const line = await get("/", { Accept: "*/*" });
  t.match([line.status, await line.text()], [200, /^there is \/livez, .*dashboard/]);
  t.equal((await get("/dashboard/none")).status, 404);
}

interface Reader {
  readonly status: number;
  readonly mediaType: string | undefined;
  readonly events: readonly { readonly event: string; readonly data: unknown }[];
  readonly leave: () => void;
}

/** As a browser's EventSource, without its patience. */
async function read(t: Test): Promise<Reader> {
  const request = httpGet(`${service.adminUrl}/dashboard/events`);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const events: { event: string; data: unknown }[] = [];
  let text = "";
  response.setEncoding("utf8").on("data", (chunk: string) => {
    const parts = (text + chunk).split("\n\n");
    text = parts.pop()!;
    for (const part of parts) {
      const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(part) ?? [];
      if (event !== undefined) events.push({ event, data: JSON.parse(data!) as unknown });
    }
  });
  response.on("error", () => undefined);
  const leave = (): void => void request.destroy();
  t.teardown(leave);
  return { status: response.statusCode!, mediaType: response.headers["content-type"], events, leave };
}

async function events(t: Test): Promise<void> {
  const { mediaType, events: got } = await read(t);
  t.equal(mediaType, "text/event-stream");
  await waitUntil("the whole picture", () => Promise.resolve(got.length > 0));
  t.equal(got[0]!.event, "whole");
  const { overview, workers } = got[0]!.data as WholePicture;
  t.match(overview, { revision: 1, languages: [{ language: "json", versions: [{ version: "1", weight: 3, wanted: 1 }, { version: "2", weight: 0, wanted: 0 }] }], shards: [{ index: 0, listening: true, answers: true, revision: 1 }], manager: { kind: "asks" } });
  t.match(workers, [{ id: "json-1-1", state: "ready", linter: /^jsonc-parser/ }, { id: "127.0.0.1:1", state: /^(waiting|connecting)$/ }]);
  await (await fetch(`${service.url}/v1/lint/json`, { method: "POST", body: "{}" })).text();
  const changes = (): PictureChange[] => got.slice(1).map(({ data }) => data as PictureChange);
  await waitUntil("the request is in the charts, and in its version's share", () => {
    const inCharts = changes().some(({ samples }) => samples.some(({ perSecond }) => perSecond > 0));
    const inShare = changes().some(({ overview: { languages = [] } }) => languages[0]?.versions[0]?.real === 1);
    return Promise.resolve(inCharts && inShare);
  });
  t.ok(changes().every(({ overview: { shards, link } }) => shards === undefined || link === undefined), "what is as it was is not sent again");
}

async function signing(t: Test): Promise<void> {
  const refused = async (reply: Promise<Response>, status: number, reason: RegExp): Promise<void> => {
    const got = await reply;
    t.match([got.status, await got.json()], [status, { reason }]);
  };
  await refused(post("/dashboard/sign-in", {}), 403, /asks for a token/);
  await refused(post("/dashboard/sign-in", {}, { Authorization: "Bearer 0123456789abcdef-nobody" }), 403, /token is not known/);
  await refused(post("/dashboard/sign-in", {}, { "Lintel-User": "olga" }), 403, /asks for a token/);
  await refused(get("/dashboard/manager"), 403, /asks for a token/);
  t.same(await (await post("/dashboard/sign-in", {}, as("vera"))).json(), { who: "vera", role: "viewer", mayOperate: false });
  await refused(post("/dashboard/changes", weights(5), as("vera")), 403, /vera has the role viewer/);
  t.same(await (await post("/dashboard/sign-in", {}, as("olga"))).json(), { who: "olga", role: "operator", mayOperate: true });
  const dry = await (await post("/dashboard/changes", { ...weights(5), dryRun: true }, as("olga"))).json();
  t.match(dry, { revision: 1, changed: true, differences: ["json 1: weight 3 -> 5"] });
  t.match(await (await post("/dashboard/changes", { ...weights(5), ifRevision: 1 }, as("olga"))).json(), { revision: 2, changed: true });
  await refused(post("/dashboard/changes", { ...weights(6), ifRevision: 1 }, as("olga")), 409, /not 1 any more/);
  await refused(post("/dashboard/changes", { ...weights(6), change: { kind: "drain", workerId: "none", drained: true } }, as("olga")), 400, /none/);
  t.match(await (await get("/dashboard/manager", as("vera"))).json(), { revision: 2, history: [{ revision: 2, who: "olga", reason: "a test" }, { revision: 1 }] });
  await waitUntil("the balancer has it", async () => (await (await get("/status")).text()).includes('"weight": 5'));
  t.match(await (await post("/dashboard/changes", { ...weights(0), change: { kind: "undo", revision: 0 } }, as("olga"))).json(), { revision: 3, differences: ["json 1: weight 5 -> 3"] });
}

async function others(t: Test): Promise<void> {
  const status = async (reply: Promise<Response>): Promise<number> => (await reply).status;
  t.equal(await status(post("/dashboard/changes", weights(9), { ...as("olga"), Origin: "http://elsewhere.example" })), 403);
  t.equal(await status(post("/dashboard/changes", weights(9), { ...as("olga"), Origin: service.url })), 403, "the users' page is another site, too");
  t.equal(await status(fetch(`${service.adminUrl}/dashboard/changes`, { method: "POST", body: JSON.stringify(weights(9)), headers: { ...as("olga"), "Content-Type": "application/json" } })), 403, "nor without an origin");
  t.equal(await status(post("/dashboard/changes", weights(9), { ...as("olga"), "Content-Type": "text/plain" })), 415, "what a form can send is not taken");
  t.equal(await status(post("/dashboard/changes", weights(9), { ...as("olga"), "Sec-Fetch-Site": "cross-site" })), 403);
  t.equal(await status(get("/dashboard/events", { "Sec-Fetch-Site": "same-site" })), 403, "and takes no reader's place");
  t.equal(await status(get("/dashboard/changes", as("olga"))), 405);
  t.equal(await status(post("/dashboard/events", {})), 405);
  t.equal(await status(post("/dashboard/changes", { ...weights(9), reason: "x".repeat(70_000) }, as("olga"))), 413);
  t.equal(await status(post("/dashboard/changes", { change: { kind: "register" } }, as("olga"))), 400, "nothing but what an operator may");
  const preflight = await fetch(`${service.adminUrl}/dashboard/changes`, { method: "OPTIONS", headers: { Origin: "http://elsewhere.example", "Access-Control-Request-Method": "POST" } });
  t.equal(preflight.headers.get("access-control-allow-origin"), null);
  t.match(await (await get("/dashboard/manager", as("vera"))).json(), { revision: 3 }, "nothing of this changed anything");
}

async function crowd(t: Test): Promise<void> {
  const readers: Reader[] = [];
  // The one of a test before may still be on its way out.
  await waitUntil("one is refused", async () => {
    readers.push(await read(t));
    return readers.at(-1)!.status === 503;
  });
  t.equal(readers.filter(({ status }) => status === 200).length, 16);
  readers[0]!.leave();
  await waitUntil("a place is free again", async () => (await read(t)).status === 200);
}
