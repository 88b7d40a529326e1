/**
 * The operators' dashboard: wires its parts together. Events become a picture, the picture becomes panels; who signs in may change
 * something. No part knows another; they all meet here.
 */
import type { FleetPicture, ManagerPicture, Verdict } from "../../src/balancer/dashboard/picture.js";
import { byId } from "../base/elements.js";
import { after } from "../base/clock.js";
import { wireThemeButton } from "../base/theme-choice.js";
import { Board } from "./board.js";
import { ChangeDialog } from "./change-dialog.js";
import { Charts } from "./charts.js";
import { Desk } from "./desk.js";
import { followEvents, type StreamState } from "./event-stream.js";
import { FleetPanels } from "./fleet-panels.js";
import { setData, setText } from "./keyed-rows.js";
import { Languages } from "./languages.js";
import { openSignIn, wireSignIn } from "./sign-in.js";
import { showVerdict } from "./verdict-box.js";
import { listedWorkers } from "./worker-list.js";
import { Workers } from "./workers.js";

const [live, operator, readOnly, said] = [byId("live", HTMLElement), byId("operator", HTMLElement), byId("read-only", HTMLElement), byId("said", HTMLElement)];
const [signIn, signOut, undo] = [byId("sign-in", HTMLButtonElement), byId("sign-out", HTMLButtonElement), byId("undo", HTMLButtonElement)];

/** What a manager tells only those who show a token is asked for by their own page. */
const askFleetEveryMs = 2_000;
const saidForMs = 8_000;
const notAllowedStatus = 403;

// 1. The parts.
const board = new Board();
const desk = new Desk();
/** What the manager said to whoever signed in. */
let ownFleet: FleetPicture | undefined;
/** Why it said nothing; "" when it did. */
let fleetProblem = "";
const charts = new Charts();
const changes = new ChangeDialog(desk, (sentence) => {
  say(sentence);
  void refreshFleet();
});
const languages = new Languages((language) => {
  const managed = fleet()?.languages.find((one) => one.language === language);
  if (managed !== undefined) changes.openWeights(language, managed.versions);
});
const workers = new Workers((workerId, drained) => changes.openReview(`${drained ? "Drain" : "Undrain"} ${workerId}`, { kind: "drain", workerId, drained }), () => show());
const panels = new FleetPanels((revision) => changes.openReview(`Undo revision ${revision} and what came after it`, { kind: "undo", revision }));

// 2. What people do.
wireThemeButton(byId("theme", HTMLButtonElement), () => charts.redraw());
wireSignIn(desk, () => {
  void refreshFleet();
  show();
});
signIn.addEventListener("click", () => {
  const manager = board.overview?.manager;
  if (manager !== undefined && manager.kind !== "none") openSignIn(manager.name, manager.kind === "asks");
});
signOut.addEventListener("click", () => {
  desk.signOut();
  ownFleet = undefined;
  fleetProblem = "";
  show();
});
undo.addEventListener("click", () => changes.openReview("Undo the newest change", { kind: "undo", revision: 0 }));

// 3. What happens. A page that nobody sees hears nothing, and gets the whole picture when it is looked at.
followEvents("dashboard/events", {
  onWhole: (picture) => {
    board.replace(picture);
    show();
  },
  onChange: (change) => {
    board.change(change);
    show();
  },
  onState: showState,
});
void askFleet();

function show(): void {
  const { overview } = board;
  if (overview === undefined || document.hidden) return;
  const mayChange = desk.signedIn?.mayOperate === true && fleet() !== undefined;
  if (live.dataset["state"] === "live") showVerdict(overview.verdict);
  charts.show(board.samples);
  languages.show(overview.languages, mayChange);
  const listed = listedWorkers(board.workers.values(), fleet(), workers.filter);
  const all = listedWorkers(board.workers.values(), fleet(), { find: "", order: "name", notReadyOnly: false });
  workers.show(listed, all.length, overview.atUnixMs, mayChange);
  panels.show(overview, fleet(), mayChange);
  undo.hidden = !mayChange || fleet()?.history.length === 0;
  showWhere(overview.manager, overview.link, overview.revision, overview.program);
}

function showWhere(manager: ManagerPicture, link: string, revision: number, program: string): void {
  const { signedIn } = desk;
  setText(byId("facts", HTMLElement), `revision ${revision} · ${link}`);
  setText(byId("footer-facts", HTMLElement), `Lintel ${program}${fleet() === undefined ? "" : ` · ${fleet()?.manager ?? ""} · ${fleet()?.store ?? ""}`}`);
  signIn.hidden = signedIn !== undefined || manager.kind === "none" || manager.kind === "away";
  signOut.hidden = signedIn === undefined;
  operator.hidden = signedIn === undefined;
  setText(operator, signedIn === undefined ? "" : `${signedIn.who} · ${signedIn.role}`);
  const why = whyReadOnly(manager);
  readOnly.hidden = why === "";
  setText(readOnly, why);
}

function whyReadOnly(manager: ManagerPicture): string {
  if (desk.signedIn !== undefined && fleetProblem !== "") return `Read-only just now: ${fleetProblem}.`;
  if (desk.signedIn !== undefined) return desk.signedIn.mayOperate ? "" : `Read-only: the role ${desk.signedIn.role} may look, and change nothing.`;
  switch (manager.kind) {
    case "none":
      return `Read-only. ${manager.reason}`;
    case "away":
      return `Read-only: the ${manager.name} does not answer (${manager.reason}).`;
    case "asks":
      return "Read-only until you sign in; the history, the other balancers and drained workers are shown then, too.";
    case "open":
      return "";
  }
}

/** The manager's view, from whoever may have it. */
function fleet(): FleetPicture | undefined {
  const manager = board.overview?.manager;
  return manager?.kind === "open" ? manager.fleet : ownFleet;
}

async function askFleet(): Promise<void> {
  if (desk.signedIn !== undefined && board.overview?.manager.kind !== "open" && !document.hidden) await refreshFleet();
  after(askFleetEveryMs, () => void askFleet());
}

async function refreshFleet(): Promise<void> {
  const before = desk.signedIn;
  const answer = await desk.fleet();
  if (desk.signedIn !== before) return;
  ownFleet = answer.kind === "answer" ? answer.value : undefined;
  fleetProblem = answer.kind === "answer" ? "" : answer.reason;
  // A token that was taken out of its file is void at once.
  if (answer.kind === "refused" && answer.status === notAllowedStatus) {
    desk.signOut();
    say(`Signed out: ${answer.reason}.`);
  }
  show();
}

function showState(state: StreamState): void {
  setData(live, "state", state);
  setText(live, { connecting: "Connecting …", live: "Live", lost: "Connection lost" }[state]);
  document.body.classList.toggle("stale", state === "lost");
  if (state === "lost") showVerdict(noWord(board.overview?.atUnixMs));
}

/** What was true must not look as if it still were. */
function noWord(sinceUnixMs: number | undefined): Verdict {
  const since = sinceUnixMs === undefined ? "yet" : `since ${new Date(sinceUnixMs).toLocaleTimeString("en-GB")}`;
  const text = sinceUnixMs === undefined ? "It may be starting, or as many dashboards are open as it serves." : "It may be gone, or starting again. What is below was true then.";
  return { level: "failing", sentence: `No word from the balancer ${since}.`, reasons: [{ level: "attention", text: `${text} This page goes on trying.` }] };
}

function say(sentence: string): void {
  said.textContent = sentence;
  after(saidForMs, () => {
    if (said.textContent === sentence) said.textContent = "";
  });
}
