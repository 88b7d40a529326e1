/** Languages with their versions: what share each is to have, and what it has. Must not know how weights are changed. */
import type { LanguagePicture, VersionPicture } from "../../src/balancer/dashboard/picture.js";
import { byId, element, icon, spoken } from "../base/elements.js";
import { KeyedRows, type Row, setData, setText } from "./keyed-rows.js";
import { count, duration, percent } from "./quantities.js";

export class Languages {
  private readonly rows: KeyedRows<LanguagePicture>;
  private mayChange = false;
  private readonly buttons = new Map<string, HTMLButtonElement>();

  constructor(private readonly onWeights: (language: string) => void) {
    this.rows = new KeyedRows(byId("languages", HTMLTableElement), ({ language }) => language, (language) => this.makeLanguage(language));
  }

  show(languages: readonly LanguagePicture[], mayChange: boolean): void {
    this.mayChange = mayChange;
    this.rows.show(languages);
    for (const button of this.buttons.values()) button.hidden = !mayChange;
  }

  private makeLanguage({ language }: LanguagePicture): Row<LanguagePicture> {
    const facts = element("span", { class: "language-facts" });
    const button = element("button", { type: "button", class: "small", click: () => this.onWeights(language) }, "Weights", spoken(` of ${language}`));
    button.hidden = !this.mayChange;
    this.buttons.set(language, button);
    const head = element("tr", { class: "language" }, element("th", { scope: "rowgroup", colspan: "6" }, element("div", {}, element("span", { class: "language-name" }, language), facts, button)));
    const body = element("tbody", {}, head);
    const versions = new KeyedRows<VersionPicture>(body, ({ version }) => version, makeVersion);
    return {
      element: body,
      update: (picture) => {
        const latency = picture.p50Ms < 0 ? "" : `p50 ${duration(picture.p50Ms)} · p99 ${duration(picture.p99Ms)}`;
        setText(facts, [latency, picture.spill ? "" : "no spill"].filter((text) => text !== "").join(" · "));
        versions.show(picture.versions);
      },
    };
  }
}

function makeVersion({ version }: VersionPicture): Row<VersionPicture> {
  const [weight, requests, failed] = [element("td", { class: "number" }), element("td", { class: "number" }), element("td", { class: "number" })];
  const [wanted, real] = [element("div", { class: "bar wanted" }), element("div", { class: "bar real" })];
  const shares = element("span", { class: "shares" });
  const workers = element("td", { class: "version-workers" });
  const row = element("tr", {}, element("th", { scope: "row" }, version), weight, element("td", {}, element("div", { class: "share" }, element("div", { class: "bars", "aria-hidden": "true" }, wanted, real), shares)), requests, failed, workers);
  return {
    element: row,
    update: (picture) => {
      setText(weight, count(picture.weight));
      wanted.style.width = `${picture.wanted * 100}%`;
      real.style.width = `${Math.max(0, picture.real) * 100}%`;
      setText(shares, `${percent(picture.wanted)}, ${percent(picture.real)}`);
      setText(requests, count(picture.requests));
      setText(failed, count(picture.failures));
      setData(failed, "level", picture.failures > 0 ? "failing" : "none");
      showWorkers(workers, picture);
    },
  };
}

function showWorkers(cell: HTMLElement, { ready, usable, workers, weight, waiting }: VersionPicture): void {
  const level = workers === 0 && weight === 0 ? "none" : usable === 0 && weight > 0 ? "failing" : ready < workers || waiting !== "" ? "attention" : "well";
  const text = `${ready} of ${workers} ready${waiting === "" ? "" : `; waits: ${waiting}`}`;
  if (cell.dataset["level"] === level && cell.textContent === text) return;
  setData(cell, "level", level);
  cell.replaceChildren(...(level === "none" ? [] : [icon(level)]), text);
}
