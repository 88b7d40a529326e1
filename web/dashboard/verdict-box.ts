/** Is it well? The first thing one sees. Must not know how the verdict is found. */
import type { Verdict } from "../../src/balancer/dashboard/picture.js";
import { byId, element, icon } from "../base/elements.js";
import { setData, setText } from "./keyed-rows.js";

const box = byId("verdict", HTMLElement);
const sign = byId("verdict-icon", HTMLElement);
const sentence = byId("verdict-sentence", HTMLElement);
const list = byId("verdict-reasons", HTMLElement);

/** A wall of reasons says less than the worst of them. */
const reasonsMax = 8;

export function showVerdict({ level, sentence: text, reasons }: Verdict): void {
  if (box.dataset["level"] !== level) sign.replaceChildren(icon(level));
  setData(box, "level", level);
  // A screen reader says every change: the rate is in the charts.
  setText(sentence, text.replace(/, (?:[\d,.]+ requests a second|no requests just now)\.$/, "."));
  const shown = reasons.slice(0, reasonsMax).map(({ level: how, text: why }) => element("li", { "data-level": how }, icon(how), why));
  if (reasons.length > reasonsMax) shown.push(element("li", {}, `and ${reasons.length - reasonsMax} more`));
  const before = list.textContent;
  const after = shown.map(({ textContent }) => textContent).join("");
  if (before !== after) list.replaceChildren(...shown);
  document.title = level === "well" ? "Lintel: dashboard" : `${level === "failing" ? "✖" : "▲"} Lintel: dashboard`;
}
