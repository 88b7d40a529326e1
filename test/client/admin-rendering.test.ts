/** What administrators and their programs see: documents of one shape, and tables that line up. */
import t from "tap";
import { barrierDocument, changeDocument, statusDocument } from "../../src/client/admin-documents.js";
import { historyTable, renderStatus, workersTable } from "../../src/client/admin-tables.js";
import { renderChange, renderLaggards } from "../../src/client/change-text.js";
import { formatAge, formatShare, renderTable } from "../../src/client/table.js";
import type { StatusReplyMessage } from "../../src/rpc/admin-messages.js";

const nowMs = Date.UTC(2026, 0, 2, 3, 4, 5);

const version = { source: "builtin python", replicas: 2, listening: 2, waiting: "" };
const worker = { language: "python", sinceUnixMs: nowMs - 60_000, restarts: 0, pid: 7, zone: "" };
const balancer = { instance: "i1", connected: true, stale: false, ackedUnixMs: nowMs - 3_600_000 * 3, ready: true, reason: "", program: "0.1.0" };
const reply: StatusReplyMessage = {
  revision: 42,
  languages: [
    {
      language: "python",
      extensions: [".py"],
      spill: true,
      versions: [
        { ...version, version: "0.17.3", weight: 99 },
        { ...version, version: "0.18.0", weight: 1, listening: 1, waiting: "a usable worker on shard 1 of b2" },
      ],
    },
  ],
  workers: [
    { ...worker, id: "python-0.17.3-1", version: "0.17.3", address: "127.0.0.1:4001", state: "listening", reason: "" },
    { ...worker, id: "python-0.18.0-2", version: "0.18.0", address: "", state: "pausing", reason: "it ended with exit code 1;\u001b[31m again", restarts: 3 },
  ],
  balancers: [
    { ...balancer, balancer: "b1", acked: 42, shards: [42, 42] },
    { ...balancer, balancer: "b2", acked: 41, shards: [42, 41], stale: true, reason: "no acknowledgement for 5.2 s" },
  ],
  manager: "127.0.0.1:9900",
  store: "file:manager.json",
  platform: "local",
};

void t.test("the status document has the shape that scripts rely on", (t) => {
  const status = statusDocument(reply);
  t.match(status, { revision: 42, balancers: { b1: { acked: 42, shards: [42, 42] } } });
  t.equal(status.balancers["b1"]?.since, "2026-01-02T00:04:05.000Z");
  t.match(status.languages["python"]?.versions["0.18.0"], { weight: 1, share: 0.01, replicas: 2, listening: 1 });
  t.match(status.workers["python-0.17.3-1"], { address: "127.0.0.1:4001", state: "listening" });
  t.end();
});

void t.test("the status for people names what is not as it should be", (t) => {
  t.equal(
    renderStatus(statusDocument(reply), nowMs, false),
    [
      "revision 42 in file:manager.json, platform local, manager 127.0.0.1:9900",
      "",
      "LANGUAGE  VERSION  WEIGHT  SHARE  WORKERS  SOURCE          WAITING FOR",
      "python    0.17.3   99      99%    2/2      builtin python",
      "python    0.18.0   1       1%     1/2      builtin python  a usable worker on shard 1 of b2",
      "",
      "BALANCER  ACKED  SINCE  SHARDS  STATE  REASON",
      "b1        42     3h     42 42   ready",
      "b2        41     3h     42 41   stale  no acknowledgement for 5.2 s",
      "",
      "WORKER           LANGUAGE  VERSION  STATE    SINCE  RESTARTS  PID  REASON",
      "python-0.18.0-2  python    0.18.0   pausing  60s    3         7    it ended with exit code 1;\\x1b[31m again",
      "",
    ].join("\n"),
  );
  t.match(renderTable(workersTable({ workers: {} }, nowMs), false), /^there is no worker\n$/);
  t.match(renderTable(historyTable({ entries: [] }, nowMs), true), /^nothing has been changed yet\n$/);
  t.end();
});

void t.test("a change reads as a diff, and says how far it is", (t) => {
  const done = { revision: 43, changed: true, differences: ["python 0.17.3: weight 99 -> 50", "python 2: added with weight 1", "python 1: removed"], warnings: [] };
  const diff = "~ python 0.17.3: weight 99 -> 50\n+ python 2: added with weight 1\n- python 1: removed\n";
  const laggards = [{ balancer: "b2", shardRevisions: [43, 42], reason: "no acknowledgement for 5.2 s" }];
  t.equal(renderChange(changeDocument(done, false, undefined), false), `${diff}revision 43 is stored; --wait returns when it is active everywhere\n`);
  t.equal(renderChange(changeDocument(done, true, undefined), false), `${diff}nothing was changed (--dry-run); revision 43 is the newest\n`);
  t.equal(renderChange(changeDocument(done, false, { revision: 43, open: true, laggards: [] }), false), `${diff}revision 43 is stored and active on every shard of every connected balancer\n`);
  t.equal(renderChange(changeDocument({ ...done, changed: false, differences: [] }, false, undefined), false), "nothing to change; revision 43 stays the newest\n");
  t.ok(renderChange(changeDocument(done, false, undefined), true).includes("\u001b[32m+ python 2: added"), "green where colour is wanted");
  t.equal(
    renderLaggards(barrierDocument({ revision: 43, open: false, laggards }), "5s"),
    "lintel: revision 43 is stored, but after 5s not active everywhere:\n  b2: shard 1 has 42, no acknowledgement for 5.2 s\n",
  );
  t.end();
});

void t.test("ages and shares are short, and a small share is never none", (t) => {
  t.same([0, 119_000, 121_000, 7_200_000, 200_000_000].map(formatAge), ["0s", "119s", "2m", "2h", "2d"]);
  t.same([0, 1, 0.9, 1 / 3, 0.0001, 0.000_01].map(formatShare), ["0%", "100%", "90%", "33.3%", "0.01%", "0.001%"]);
  t.end();
});
