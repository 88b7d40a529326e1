/** Buttons that copy text. Must not know what it is. */
import { after, type Timer } from "../base/clock.js";

/** How long a button says that it has done it. */
const doneMs = 2_000;

export function copyOnClick(button: HTMLButtonElement, text: () => string): void {
  button.addEventListener("click", () => void copy(text()).then((copied) => showOn(button, copied ? "Copied" : "Select and copy it")));
}

/** False where the browser allows no page to copy: without TLS, or when the user has said so. */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

const shown = new WeakMap<HTMLButtonElement, { readonly label: string; readonly timer: Timer }>();

/** Lets the button say something else for a moment. */
export function showOn(button: HTMLButtonElement, text: string): void {
  const label = button.querySelector(".label") ?? button;
  const before = shown.get(button);
  before?.timer.clear();
  const usual = before?.label ?? label.textContent;
  label.textContent = text;
  const timer = after(doneMs, () => {
    label.textContent = usual;
    shown.delete(button);
  });
  shown.set(button, { label: usual, timer });
}
