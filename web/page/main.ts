/**
 * The page users try Lintel on: wires its parts together. What is chosen and typed becomes requests, and what
 * is answered becomes marks, a list and text. No part knows another; they all meet here.
 */
import { parseReport } from "../../src/formats/parse-report.js";
import type { Report } from "../../src/formats/report.js";
import { byId, icon } from "../base/elements.js";
import { wireThemeButton } from "../base/theme-choice.js";
import { Choices } from "./choices.js";
import { copy, showOn } from "./copy.js";
import { SourceEditor } from "./editor.js";
import { wireFileInput } from "./file-input.js";
import { FindingsList, summaryOf } from "./findings.js";
import { LintLoop } from "./lint-loop.js";
import { fragmentCharsMax, fragmentOf, readFragment } from "./permalink.js";
import { askForKey, hideProblem, showProblem } from "./problem-box.js";
import { readable, ReportPanels } from "./report-panels.js";
import { isSample, sampleOf } from "./samples.js";
import { languages, lintUrl, type Facts, type LintRequest, type ProblemDetails } from "./service.js";
import { Tabs } from "./tabs.js";

// The page's own address without what is behind "#" and "?".
const base = new URL(".", location.href).href;
const summary = byId("summary", HTMLElement);
const facts = byId("facts", HTMLElement);
const problemBox = byId("problem", HTMLElement);
/** What the user gave when the service asked; kept until the page is left. */
let apiKey = "";
const findingsCount = byId("findings-count", HTMLElement);

// 1. What the user works with.
const editor = new SourceEditor(byId("editor", HTMLElement), () => changed());
const findings = new FindingsList(byId("findings", HTMLElement), editor);
const panels = new ReportPanels(() => showRaw());
const tabs = new Tabs(byId("tabs", HTMLElement), () => showRaw());
const choices = new Choices(
  { language: byId("language", HTMLSelectElement), version: byId("version", HTMLSelectElement), filename: byId("filename", HTMLInputElement) },
  {
    onLanguage: ({ language, extensions }) => {
      const sample = sampleOf(language, extensions);
      if (isSample(editor.source)) editor.load(sample.source);
      choices.filename = sample.filename;
      colour();
      main.askNow(request);
    },
    onDetail: () => {
      colour();
      main.askSoon(request);
    },
  },
);

// 2. Two loops: one for the findings, one for the raw report in another format, which runs only while it is looked at.
let lastJson = "";
const main = new LintLoop(base, {
  onAsking: () => summary.classList.add("busy"),
  onReport: (_request, text, made) => {
    lastJson = text;
    showReport(parseReport(text), made);
  },
  onProblem: (problem, retryInMs) => showFailure(problem, retryInMs),
});
const raw = new LintLoop(base, {
  onAsking: () => undefined,
  onReport: ({ format }, text) => panels.showReport(format === "sarif" || format === "gitlab" || format === "rdjson" ? readable(text) : text),
  // The findings' own loop shows it.
  onProblem: ({ title }) => panels.showReport(title),
});

wireFileInput(byId("open", HTMLButtonElement), byId("file", HTMLInputElement), document.body, {
  onFile: ({ name, source }) => {
    const language = choices.languageOf(name)?.language ?? choices.chosen.language;
    open({ language, version: "", filename: name, source });
  },
  onRefused: (reason) => notify("This file cannot be shown", reason),
});
wireThemeButton(byId("theme", HTMLButtonElement));
byId("link", HTMLButtonElement).addEventListener("click", () => void link());
byId("jump-to-editor", HTMLAnchorElement).addEventListener("click", (event) => {
  event.preventDefault();
  editor.focus();
});
window.addEventListener("hashchange", () => void openLinked());

// 3. The start: what the service has, then what the link holds, or a sample.
void start();

async function start(): Promise<void> {
  if (!(await refreshLanguages())) return;
  if (await openLinked()) return;
  const { entry } = choices;
  if (entry !== undefined) open({ language: entry.language, version: "", ...sampleOf(entry.language, entry.extensions) });
}

async function refreshLanguages(): Promise<boolean> {
  const answer = await languages(base);
  if ("status" in answer) {
    showProblem(problemBox, answer, undefined, () => void start());
    summarize("error", answer.title);
    return false;
  }
  hideProblem(problemBox);
  choices.offer(answer);
  return true;
}

/** Whether the address holds something to show. */
async function openLinked(): Promise<boolean> {
  try {
    const linked = await readFragment(location.hash);
    if (linked === undefined) return false;
    open(linked);
    return true;
  } catch {
    notify("This link is broken", "What stands behind the # in the address is not whole; it may have been cut when it was copied.");
    return true;
  }
}

function open({ language, version, filename, source }: { language: string; version: string; filename: string; source: string }): void {
  choices.choose({ language, version, filename });
  colour();
  editor.load(source);
  main.askNow(request);
}

/** The editor's colours follow the language and the file name's ending. */
function colour(): void {
  const { language, filename } = choices.chosen;
  void editor.setLanguage(language, filename);
}

function request(): LintRequest {
  return { ...choices.chosen, format: "json", source: editor.source, apiKey };
}

function changed(): void {
  main.askSoon(request);
}

function showReport(report: Report, { linter, version, worker, elapsedMs }: Facts): void {
  hideProblem(problemBox);
  editor.show(report.diagnostics);
  findings.show(report);
  findingsCount.textContent = String(report.diagnostics.length);
  summarize(worst(report), summaryOf(report));
  facts.textContent = [linter, version === "" || linter.endsWith(` ${version}`) ? "" : `version ${version}`, worker, `${Math.round(elapsedMs)} ms`].filter((text) => text !== "").join(" · ");
  showRaw();
}

/** Only what differs is written: a screen reader says every change. */
function summarize(sign: string, text: string): void {
  summary.classList.remove("busy");
  if (summary.textContent !== text) summary.replaceChildren(icon(sign), text);
}

function worst({ diagnostics }: Report): string {
  return (["error", "warning", "info", "hint"] as const).find((severity) => diagnostics.some((one) => one.severity === severity)) ?? "check";
}

function showFailure(problem: ProblemDetails, retryInMs: number | undefined): void {
  lastJson = "";
  editor.show([]);
  findings.clear();
  findingsCount.textContent = "";
  summarize("error", problem.title);
  facts.textContent = "";
  showProblem(problemBox, problem, retryInMs, () => main.again());
  if (problem.code === "unauthorized") askForKey(problemBox, useKey);
  showRaw();
  // The operator may have changed what is served since this page was opened.
  if (problem.code === "unknown-language" || problem.code === "unknown-version") void languages(base).then((answer) => "status" in answer || choices.offer(answer));
}

function useKey(key: string): void {
  apiKey = key;
  main.again();
}

/** Something that has nothing to do with the newest report, which stays. */
function notify(title: string, detail: string): void {
  tabs.select("tab-findings");
  showProblem(problemBox, { status: 0, code: "", title, detail, requestId: "", retryable: false }, undefined, () => undefined);
}

/** Brings the two panels of text to what is on screen, the one that is looked at alone. */
function showRaw(): void {
  const { formatName } = panels;
  if (tabs.selected === "tab-curl") {
    const { filename } = choices.chosen;
    panels.showCommands(lintUrl(base, { ...request(), format: formatName }), filename, editor.source, apiKey !== "");
  }
  if (tabs.selected !== "tab-report" || formatName === "json") raw.stop();
  if (tabs.selected !== "tab-report") return;
  if (formatName === "json" || lastJson === "") panels.showReport(readable(lastJson));
  else raw.askNow(() => ({ ...request(), format: formatName }));
}

async function link(): Promise<void> {
  const button = byId("link", HTMLButtonElement);
  const fragment = await fragmentOf({ ...choices.chosen, source: editor.source });
  if (fragment === undefined) {
    showOn(button, "Too long for a link");
    button.title = `A link holds the source itself and may have ${fragmentCharsMax.toLocaleString("en")} characters.`;
    return;
  }
  history.replaceState(null, "", fragment);
  showOn(button, (await copy(location.href)) ? "Link copied" : "It is in the address bar");
}
