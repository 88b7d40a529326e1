/**
 * Makes and finds elements. Text becomes text nodes and never markup: what a linter or a user wrote cannot
 * become part of a page. Must not know what is shown.
 */

export type Child = Node | string;

export interface Attributes {
  readonly [name: string]: string | boolean | ((event: Event) => void) | undefined;
}

/** An element with attributes; a function is a listener ("click"), true an attribute without value, false and undefined none. */
export function element<Name extends keyof HTMLElementTagNameMap>(name: Name, attributes: Attributes = {}, ...children: readonly Child[]): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value === true) made.setAttribute(key, "");
    else if (typeof value === "string") made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

/** A sentence whose `names` stand between backticks, as most linters write them. */
export function withNames(sentence: string): Child[] {
  const parts = sentence.split("`");
  if (parts.length % 2 === 0) return [sentence];
  return parts.map((part, index) => (index % 2 === 0 ? part : element("code", {}, part)));
}

const svgNamespace = "http://www.w3.org/2000/svg";

/** A drawing that the page's markup defines as <symbol id="icon-NAME">; hidden from screen readers, so text has to stand beside it. */
export function icon(name: string): SVGElement {
  const svg = document.createElementNS(svgNamespace, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(svgNamespace, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** Text for screen readers alone. */
export function spoken(text: string): HTMLElement {
  return element("span", { class: "spoken" }, text);
}

/** An element of the page's markup. Throws when the markup has none: page and script belong together. */
export function byId<Type extends HTMLElement>(id: string, type: new () => Type): Type {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`the page has no ${type.name} with the id ${id}`);
  return found;
}

/** A link out of the page; the text alone when the address is none a browser should follow. */
export function outsideLink(address: string | undefined, text: string, attributes: Attributes = {}): HTMLElement {
  if (address === undefined || !/^https?:\/\//i.test(address)) return element("span", attributes, text);
  return element("a", { ...attributes, href: address, target: "_blank", rel: "noopener noreferrer" }, text, spoken(" (opens a new tab)"));
}
