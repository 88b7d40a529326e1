/** Tabs as the ARIA practices want them: one tab stop, arrow keys, Home and End. Must not know what is on them. */

export class Tabs {
  private readonly tabs: readonly HTMLElement[];

  /** `list` has the tabs; each names its panel in aria-controls. */
  constructor(
    list: HTMLElement,
    private readonly onSelect: (id: string) => void,
  ) {
    this.tabs = [...list.querySelectorAll<HTMLElement>("[role=tab]")];
    for (const [index, tab] of this.tabs.entries()) {
      tab.addEventListener("click", () => this.select(tab.id));
      tab.addEventListener("keydown", (event) => this.move(event, index));
    }
  }

  get selected(): string {
    return this.tabs.find((tab) => tab.getAttribute("aria-selected") === "true")?.id ?? "";
  }

  select(id: string): void {
    for (const tab of this.tabs) {
      const selected = tab.id === id;
      tab.setAttribute("aria-selected", String(selected));
      tab.tabIndex = selected ? 0 : -1;
      const panel = document.getElementById(tab.getAttribute("aria-controls") ?? "");
      if (panel !== null) panel.hidden = !selected;
    }
    this.onSelect(id);
  }

  private move(event: KeyboardEvent, index: number): void {
    const last = this.tabs.length - 1;
    const targets: Readonly<Record<string, number>> = { ArrowRight: index === last ? 0 : index + 1, ArrowLeft: index === 0 ? last : index - 1, Home: 0, End: last };
    const target = this.tabs[targets[event.key] ?? -1];
    if (target === undefined) return;
    event.preventDefault();
    this.select(target.id);
    target.focus();
  }
}
