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

export function hideProblem(host: HTMLElement): void {
  host.hidden = true;
  host.replaceChildren();
}
