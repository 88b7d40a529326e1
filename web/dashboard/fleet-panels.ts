/** Balancers, shards and the last changes. Must not know whether the balancer or the manager tells of them. */
import type { FleetPicture, HistoryEntry, ManagedBalancer, NoticedChange, Overview, ShardPicture } from "../../src/balancer/dashboard/picture.js";
import { byId, element, icon } from "../base/elements.js";
import { KeyedRows, type Row, setData, setText } from "./keyed-rows.js";
import { count, since } from "./quantities.js";

type Entry = NoticedChange & Partial<HistoryEntry>;

export class FleetPanels {
  private readonly balancers = new KeyedRows<ManagedBalancer>(bodyOf("balancers"), ({ balancer }) => balancer, ({ balancer }) => makeBalancer(balancer));
  private readonly shards = new KeyedRows<ShardPicture>(bodyOf("shards"), ({ index }) => String(index), ({ index }) => makeShard(index));
  private readonly changes = new KeyedRows<Entry>(byId("changes", HTMLElement), ({ revision, atUnixMs }) => `${revision} ${atUnixMs}`, (entry) => this.makeEntry(entry));
  private readonly balancersTable = byId("balancers", HTMLTableElement);
  private readonly list = byId("changes", HTMLElement);
  private nowUnixMs = 0;
  private mayChange = false;

  constructor(private readonly onUndo: (revision: number) => void) {}

  show({ shards, changes, atUnixMs }: Overview, fleet: FleetPicture | undefined, mayChange: boolean): void {
    this.nowUnixMs = atUnixMs;
    this.mayChange = mayChange;
    this.balancersTable.hidden = fleet === undefined;
    this.balancers.show(fleet?.balancers ?? []);
    this.shards.show(shards);
    const entries: readonly Entry[] = fleet?.history ?? changes;
    this.changes.show(entries);
    setData(this.list, "empty", entries.length === 0 ? "Nothing was changed since this balancer started." : "");
  }

  private makeEntry({ revision, atUnixMs, who, what, reason = "", differences }: Entry): Row<Entry> {
    const age = element("span", { class: "age", title: new Date(atUnixMs).toISOString() });
    const button = element("button", { type: "button", class: "small", click: () => this.onUndo(revision) }, "Undo", element("span", { class: "spoken" }, ` revision ${revision} and what came after it`));
    const head = element("p", { class: "entry-head" }, element("b", {}, `revision ${revision}`), who === undefined ? "" : ` by ${who}`, " · ", age);
    const row = element("li", {}, element("div", { class: "entry-line" }, head, button));
    if (what !== undefined && what !== "") row.append(element("p", { class: "entry-what" }, what));
    if (reason !== "") row.append(element("p", { class: "entry-reason" }, `“${reason}”`));
    if (differences.length > 0) row.append(element("ul", { class: "differences" }, ...differences.map((line) => element("li", {}, line))));
    return {
      element: row,
      update: () => {
        const text = since(atUnixMs, this.nowUnixMs);
        setText(age, text === "now" ? "now" : `${text} ago`);
        button.hidden = !this.mayChange;
      },
    };
  }
}

function makeBalancer(name: string): Row<ManagedBalancer> {
  const [revision, shards, state] = [element("td", { class: "number" }), element("td", {}), element("td", { class: "state" })];
  return {
    element: element("tr", {}, element("th", { scope: "row" }, name), revision, shards, state),
    update: ({ acked, shards: revisions, connected, stale, ready, reason }) => {
      setText(revision, count(acked));
      setText(shards, revisions.join(", "));
      const well = connected && !stale && ready;
      showState(state, well ? "well" : "attention", well ? "ready" : [!connected ? "away" : stale ? "lags" : "not ready", reason].filter((text) => text !== "").join(": "));
    },
  };
}

function makeShard(index: number): Row<ShardPicture> {
  const numbers = Array.from({ length: 4 }, () => element("td", { class: "number" }));
  const state = element("td", { class: "state" });
  return {
    element: element("tr", {}, element("th", { scope: "row" }, `shard ${index}`), ...numbers, state),
    update: ({ revision, inFlight, connections, restarts, listening, answers }) => {
      for (const [at, value] of [revision, inFlight, connections, restarts].entries()) {
        const cell = numbers[at];
        if (cell !== undefined) setText(cell, count(value));
      }
      showState(state, !listening ? "attention" : answers ? "well" : "failing", !listening ? "does not listen" : answers ? "serves" : "does not answer");
    },
  };
}

function showState(cell: HTMLElement, level: string, text: string): void {
  if (cell.dataset["level"] === level && cell.textContent === text) return;
  setData(cell, "level", level);
  cell.replaceChildren(icon(level), text);
}

function bodyOf(id: string): HTMLElement {
  const [body] = byId(id, HTMLTableElement).tBodies;
  if (body === undefined) throw new Error(`the table ${id} has a body`);
  return body;
}
