/** Who wants to change something says who they are. Must not know what is changed. */
import { byId } from "../base/elements.js";
import type { Desk } from "./desk.js";

const dialog = byId("sign-in-dialog", HTMLDialogElement);
const form = byId("sign-in-form", HTMLFormElement);
const how = byId("sign-in-how", HTMLElement);
const token = byId("token", HTMLInputElement);
const name = byId("name", HTMLInputElement);
const problem = byId("sign-in-problem", HTMLElement);

/** `onSignedIn` is called at every success. */
export function wireSignIn(desk: Desk, onSignedIn: () => void): void {
  byId("sign-in-cancel", HTMLButtonElement).addEventListener("click", () => dialog.close());
  // A token is not left in a field that somebody else may look at.
  dialog.addEventListener("close", () => form.reset());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void signIn(desk, onSignedIn);
  });
}

/** `asksForProof`: the manager wants a token; else a name is enough. */
export function openSignIn(manager: string, asksForProof: boolean): void {
  how.textContent = asksForProof
    ? `The ${manager} asks for a token of the role operator or admin. It stays in this page until you sign out, load it again or close it.`
    : `The ${manager} asks nobody on this machine for proof. Your name stands in the history with what you change.`;
  for (const [input, shown] of [[token, asksForProof], [name, !asksForProof]] as const) {
    input.required = shown;
    input.disabled = !shown;
    if (input.parentElement !== null) input.parentElement.hidden = !shown;
  }
  problem.hidden = true;
  dialog.showModal();
}

async function signIn(desk: Desk, onSignedIn: () => void): Promise<void> {
  const answer = await desk.signIn({ token: token.value.trim(), user: name.value.trim() });
  if (answer.kind === "answer") {
    dialog.close();
    onSignedIn();
    return;
  }
  problem.textContent = answer.reason;
  problem.hidden = false;
}
