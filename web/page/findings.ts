/** The list of findings beside the editor. Must not know where they come from or what an editor is. */
import type { Diagnostic, Fix, Range, Report, Severity } from "../../src/formats/report.js";
import { element, icon, outsideLink, spoken, withNames } from "../base/elements.js";

/** A longer list is slow and nobody reads it; the raw report has all. */
const shownMax = 500;

export interface FindingsActions {
  jumpTo(range: Range): void;
  apply(fix: Fix): void;
}

export class FindingsList {
  constructor(
    private readonly host: HTMLElement,
    private readonly actions: FindingsActions,
  ) {}

  show({ diagnostics }: Report): void {
    const shown = diagnostics.slice(0, shownMax);
    if (shown.length === 0) {
      this.host.replaceChildren(element("p", { class: "empty" }, icon("check"), "No findings."));
      return;
    }
    const list = element("ol", { class: "findings" }, ...shown.map((diagnostic) => this.item(diagnostic)));
    const rest = diagnostics.length - shown.length;
    this.host.replaceChildren(list, ...(rest > 0 ? [element("p", { class: "rest" }, `${rest} more are in the report.`)] : []));
  }

  clear(): void {
    this.host.replaceChildren();
  }

  private item({ severity, message, rule, url, range, fixes = [] }: Diagnostic): HTMLElement {
    const { line, column } = range.start;
    const [fix] = fixes;
    return element(
      "li",
      { class: "finding", "data-severity": severity },
      element(
        "button",
        { type: "button", class: "jump", click: () => this.actions.jumpTo(range) },
        icon(severity),
        spoken(`${severity}: `),
        element("span", { class: "message" }, ...withNames(message)),
        spoken(`, line ${line}, column ${column}`),
        element("span", { class: "place", "aria-hidden": "true" }, `${line}:${column}`),
      ),
      element(
        "p",
        { class: "about" },
        outsideLink(url, rule, { class: "rule" }),
        ...(fix === undefined ? [] : [element("button", { type: "button", class: "fix", title: fix.message, click: () => this.actions.apply(fix) }, "Fix", spoken(`: ${fix.message}`))]),
      ),
    );
  }
}

/** "2 errors, 1 warning"; "No findings" for none. */
export function summaryOf({ diagnostics }: Report): string {
  const count = (severity: Severity, one: string, many: string): string => {
    const found = diagnostics.filter((diagnostic) => diagnostic.severity === severity).length;
    return found === 0 ? "" : `${found} ${found === 1 ? one : many}`;
  };
  const counts = [count("error", "error", "errors"), count("warning", "warning", "warnings"), count("info", "note", "notes"), count("hint", "hint", "hints")].filter((text) => text !== "");
  return counts.length === 0 ? "No findings" : counts.join(", ");
}
