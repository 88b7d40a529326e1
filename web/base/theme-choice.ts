/**
 * Light or dark: what the system says, unless the user has chosen here. Kept in this browser alone. Must not
 * know colours, which are all in the style sheets (`light-dark()`).
 */

export type Theme = "light" | "dark";

const key = "lintel-theme";

/** Before the first paint, so that no page flashes in the wrong colours. */
export function applyChosenTheme(): void {
  const chosen = readChoice();
  if (chosen !== undefined) document.documentElement.dataset["theme"] = chosen;
}

export function shownTheme(): Theme {
  return readChoice() ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
}

/** Makes a button change between the two, and say which one it leads to. `onChange` hears every change, also of the system's. */
export function wireThemeButton(button: HTMLButtonElement, onChange: (theme: Theme) => void = () => undefined): void {
  const show = (): void => {
    const theme = shownTheme();
    const label = theme === "dark" ? "Light colours" : "Dark colours";
    button.setAttribute("aria-label", label);
    button.title = label;
    button.dataset["shown"] = theme;
    onChange(theme);
  };
  button.addEventListener("click", () => {
    const theme = shownTheme() === "dark" ? "light" : "dark";
    document.documentElement.dataset["theme"] = theme;
    keepChoice(theme);
    show();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  show();
}

function readChoice(): Theme | undefined {
  const here = document.documentElement.dataset["theme"] ?? stored();
  return here === "light" || here === "dark" ? here : undefined;
}

/** A browser may forbid storage; the choice then lasts as long as the page. */
function stored(): string | undefined {
  try {
    return localStorage.getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}

function keepChoice(theme: Theme): void {
  try {
    localStorage.setItem(key, theme);
  } catch {
    // See stored().
  }
}
