/**
 * The table of workers, of which only the rows that can be seen exist: a thousand of them cost what twenty do. Must not know how a
 * worker is drained.
 */
import { byId, element, icon, spoken } from "../base/elements.js";
import { KeyedRows, type Row, setData, setText } from "./keyed-rows.js";
import { count, duration, rate, since } from "./quantities.js";
import type { ListedWorker, WorkerFilter, WorkerOrder } from "./worker-list.js";

/** As the style sheet has it. */
const rowHeightPx = 33;
/** Beyond what can be seen, on both sides: scrolling meets rows that are there. */
const spareRows = 8;

export class Workers {
  private readonly place = byId("workers-scroll", HTMLElement);
  private readonly table = byId("workers", HTMLTableElement);
  private readonly find = byId("workers-find", HTMLInputElement);
  private readonly order = byId("workers-order", HTMLSelectElement);
  private readonly bad = byId("workers-bad", HTMLInputElement);
  private readonly amount = byId("workers-count", HTMLElement);
  private readonly above = element("tr", { class: "spacer", "aria-hidden": "true" });
  private readonly below = element("tr", { class: "spacer", "aria-hidden": "true" });
  private readonly rows: KeyedRows<Placed>;
  private listed: readonly ListedWorker[] = [];
  private nowUnixMs = 0;
  private mayChange = false;

  constructor(
    private readonly onDrain: (workerId: string, drained: boolean) => void,
    onFilter: () => void,
  ) {
    const [body] = this.table.tBodies;
    if (body === undefined) throw new Error("the table of workers has a body");
    body.append(this.above, this.below);
    this.rows = new KeyedRows(body, ({ worker: { id } }) => id, () => this.makeRow(), this.below);
    for (const control of [this.find, this.order, this.bad]) {
      control.addEventListener("input", () => {
        this.place.scrollTop = 0;
        onFilter();
      });
    }
    this.place.addEventListener("scroll", () => this.showVisible(), { passive: true });
    new ResizeObserver(() => this.showVisible()).observe(this.place);
  }

  get filter(): WorkerFilter {
    return { find: this.find.value, order: this.order.value as WorkerOrder, notReadyOnly: this.bad.checked };
  }

  show(listed: readonly ListedWorker[], total: number, nowUnixMs: number, mayChange: boolean): void {
    this.listed = listed;
    this.nowUnixMs = nowUnixMs;
    this.mayChange = mayChange;
    setText(this.amount, listed.length === total ? count(total) : `${count(listed.length)} of ${count(total)}`);
    this.table.setAttribute("aria-rowcount", String(listed.length + 1));
    this.showVisible();
  }

  private showVisible(): void {
    const { length } = this.listed;
    const first = Math.max(0, Math.min(Math.floor(this.place.scrollTop / rowHeightPx) - spareRows, length));
    const last = Math.min(length, Math.ceil((this.place.scrollTop + this.place.clientHeight) / rowHeightPx) + spareRows);
    setHeight(this.above, first * rowHeightPx);
    setHeight(this.below, (length - last) * rowHeightPx);
    this.rows.show(this.listed.slice(first, last).map((one, index) => ({ ...one, place: first + index })));
  }

  private makeRow(): Row<Placed> {
    const [name, version, state, reason] = [element("th", { scope: "row" }), element("td", {}), element("td", { class: "state" }), element("td", { class: "reason" })];
    const numbers = Array.from({ length: 6 }, () => element("td", { class: "number" }));
    let shown: ListedWorker | undefined;
    const label = spoken("");
    const caption = element("span", {});
    const click = (): void => {
      if (shown !== undefined) this.onDrain(shown.worker.id, !shown.drained);
    };
    const button = element("button", { type: "button", class: "small", click }, caption, label);
    const row = element("tr", {}, name, version, state, reason, ...numbers, element("td", { class: "act" }, button));
    return {
      element: row,
      update: (one) => {
        const { worker, level, drained, place } = one;
        shown = one;
        setAttribute(row, "aria-rowindex", String(place + 2));
        setText(name, worker.id);
        setTitle(name, [worker.address, worker.linter].filter((text) => text !== "").join(" · "));
        setText(version, `${worker.language} ${worker.version}`);
        setTitle(version, `${worker.language} ${worker.version}`);
        showState(state, worker.state, level);
        setText(reason, worker.reason);
        setTitle(reason, worker.reason);
        const texts = [since(worker.sinceUnixMs, this.nowUnixMs), count(worker.inFlight), count(worker.queued), rate(worker.perSecond), duration(worker.answerMs), count(worker.failures)];
        for (const [index, cell] of numbers.entries()) setText(cell, texts[index] ?? "");
        button.hidden = !this.mayChange;
        setText(caption, drained ? "Undrain" : "Drain");
        setText(label, ` ${worker.id}`);
      },
    };
  }
}

type Placed = ListedWorker & { readonly place: number };

function showState(cell: HTMLElement, state: string, level: string): void {
  if (cell.dataset["level"] === level && cell.textContent === state) return;
  setData(cell, "level", level);
  cell.replaceChildren(...(level === "none" ? [] : [icon(level)]), state);
}

function setHeight(row: HTMLElement, heightPx: number): void {
  row.hidden = heightPx === 0;
  row.style.height = `${heightPx}px`;
}

function setAttribute(target: Element, name: string, value: string): void {
  if (target.getAttribute(name) !== value) target.setAttribute(name, value);
}

function setTitle(target: HTMLElement, title: string): void {
  if (target.title !== title) target.title = title;
}
