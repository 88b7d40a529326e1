/** Shows why there is no report, and what can be done. Must not know the request. */
import { element, icon } from "../base/elements.js";
import type { ProblemDetails } from "./service.js";

/** `retryInMs` is when it is tried again by itself; undefined when it is not. */
export function showProblem(host: HTMLElement, problem: ProblemDetails, retryInMs: number | undefined, again: () => void): void {
  const { title, detail, status, code, requestId, retryable } = problem;
  const facts = [status === 0 ? "" : `${status} ${code}`.trim(), requestId === "" ? "" : `request ${requestId}`].filter((text) => text !== "");
  host.replaceChildren(
    icon("error"),
    element("strong", {}, title),
    ...(detail === "" ? [] : [element("p", {}, detail)]),
    ...(retryInMs === undefined ? [] : [element("p", {}, `It is tried again in ${Math.max(1, Math.round(retryInMs / 1_000))} s.`)]),
    ...(facts.length === 0 ? [] : [element("p", { class: "facts" }, facts.join(" · "))]),
    ...(retryable ? [element("button", { type: "button", click: again }, "Try again now")] : []),
  );
  host.hidden = false;
}

/** Asks for the API key that the problem is about. `use` gets what was typed; it stays in the page alone. */
export function askForKey(host: HTMLElement, use: (key: string) => void): void {
  const input = element("input", { type: "password", autocomplete: "off", spellcheck: "false", maxlength: "1024", required: true });
  const submit = (event: Event): void => {
    event.preventDefault();
    use(input.value.trim());
  };
  host.append(element("form", { class: "key", submit }, element("label", {}, "API key ", input), element("button", { type: "submit" }, "Use it")));
}

export function hideProblem(host: HTMLElement): void {
  host.hidden = true;
  host.replaceChildren();
}
