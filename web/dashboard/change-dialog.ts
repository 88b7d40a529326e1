/**
 * A change in three steps: what it is to be (weights only), what it would do (the manager's dry run, as a diff), and then the
 * change itself, only if nobody was faster. Must not know what follows from it.
 */
import type { ChangeReply, DashboardChange } from "../../src/balancer/dashboard/picture.js";
import { byId, element } from "../base/elements.js";
import type { Answer, Desk } from "./desk.js";
import { diffLines } from "./diff-lines.js";
import { percent } from "./quantities.js";

export interface WeightOf {
  readonly version: string;
  readonly weight: number;
}

type Step = { readonly kind: "weights"; readonly language: string; readonly inputs: readonly { readonly version: string; readonly input: HTMLInputElement }[] } | { readonly kind: "review"; readonly change: DashboardChange; readonly reply: ChangeReply; readonly requestId: string };

const conflictStatus = 409;
/** As `lintel admin` has it. */
const weightMax = 1_000_000;

const dialog = byId("change-dialog", HTMLDialogElement);
const title = byId("change-title", HTMLElement);
const weightsBox = byId("change-weights", HTMLElement);
const review = byId("change-review", HTMLElement);
const note = byId("change-note", HTMLElement);
const diff = byId("change-diff", HTMLElement);
const warnings = byId("change-warnings", HTMLElement);
const reason = byId("change-reason", HTMLInputElement);
const problem = byId("change-problem", HTMLElement);
const go = byId("change-go", HTMLButtonElement);

export class ChangeDialog {
  private step: Step | undefined;

  constructor(
    private readonly desk: Desk,
    /** A change was made; a sentence for whoever made it. */
    private readonly onDone: (sentence: string) => void,
  ) {
    byId("change-cancel", HTMLButtonElement).addEventListener("click", () => dialog.close());
    byId("change-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      void this.next();
    });
  }

  openWeights(language: string, versions: readonly WeightOf[]): void {
    this.open(`Weights of ${language}`);
    const shares = versions.map(() => element("output", {}));
    const inputs = versions.map(({ version, weight }) => ({ version, input: element("input", { type: "number", min: "0", max: String(weightMax), step: "1", required: true, value: String(weight), "aria-label": `Weight of ${version}` }) }));
    const showShares = (): void => {
      const sum = inputs.reduce((total, { input }) => total + (input.valueAsNumber || 0), 0);
      for (const [index, { input }] of inputs.entries()) {
        const output = shares[index];
        if (output !== undefined) output.value = sum === 0 ? "no traffic" : percent((input.valueAsNumber || 0) / sum);
      }
    };
    weightsBox.replaceChildren(
      ...inputs.map(({ version, input }, index) => {
        input.addEventListener("input", showShares);
        return element("div", { class: "weight" }, element("span", { class: "weight-version" }, version), input, shares[index] ?? "");
      }),
    );
    showShares();
    weightsBox.hidden = false;
    go.textContent = "Review";
    this.step = { kind: "weights", language, inputs };
    dialog.showModal();
    inputs[0]?.input.focus();
  }

  /** One that needs no more said. */
  openReview(heading: string, change: DashboardChange): void {
    this.open(heading);
    void this.dryRun(change);
  }

  private open(heading: string): void {
    title.textContent = heading;
    weightsBox.hidden = true;
    review.hidden = true;
    problem.hidden = true;
    reason.value = "";
    this.step = undefined;
  }

  private async next(): Promise<void> {
    const { step } = this;
    problem.hidden = true;
    if (step === undefined) {
      dialog.close();
      return;
    }
    go.disabled = true;
    if (step.kind === "weights") {
      const weights = step.inputs.map(({ version, input }) => ({ version, weight: input.valueAsNumber }));
      await this.dryRun({ kind: "weights", language: step.language, weights });
    } else if (step.reply.changed) await this.make(step);
    else dialog.close();
    go.disabled = false;
  }

  private async dryRun(change: DashboardChange): Promise<void> {
    const answer = await this.desk.change({ change, dryRun: true, ifRevision: 0, reason: "", requestId: "" });
    if (!dialog.open) dialog.showModal();
    if (answer.kind === "refused") {
      this.refuse(answer);
      return;
    }
    this.step = { kind: "review", change, reply: answer.value, requestId: crypto.randomUUID() };
    this.showReview(answer.value);
  }

  private showReview({ revision, changed, differences, warnings: warned }: ChangeReply): void {
    weightsBox.hidden = true;
    note.textContent = changed ? `This is what changes against revision ${revision}. It can be undone.` : "Nothing would change: this is how it is already.";
    diff.hidden = !changed;
    diff.replaceChildren(...diffLines(differences).map(({ sign, text }) => element("span", { class: "line", "data-sign": sign }, `${sign === "same" ? " " : sign === "less" ? "-" : "+"} ${text}\n`)));
    warnings.replaceChildren(...warned.map((text) => element("li", {}, text)));
    go.textContent = changed ? "Make the change" : "Close";
    review.hidden = false;
    if (changed) reason.focus();
    else go.focus();
  }

  private async make({ change, reply, requestId }: Extract<Step, { kind: "review" }>): Promise<void> {
    const answer = await this.desk.change({ change, dryRun: false, ifRevision: reply.revision, reason: reason.value.trim(), requestId });
    if (answer.kind === "answer") {
      dialog.close();
      const { revision, warnings: warned } = answer.value;
      this.onDone([`Revision ${revision} is stored and on its way to every balancer.`, ...warned].join(" "));
      return;
    }
    this.refuse(answer);
    // What was shown is not what would be done any more.
    if (answer.status === conflictStatus) await this.dryRun(change);
  }

  private refuse({ reason: why }: Extract<Answer<unknown>, { kind: "refused" }>): void {
    problem.textContent = why;
    problem.hidden = false;
    if (this.step === undefined) go.textContent = "Close";
  }
}
