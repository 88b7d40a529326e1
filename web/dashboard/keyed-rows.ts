/**
 * Rows that are kept as long as their key is there, so that focus, hover and selection survive an update, and a cell whose text has
 * not changed costs nothing. Must not know what is in a row.
 */

export interface Row<T> {
  readonly element: HTMLElement;
  update(value: T): void;
}

export class KeyedRows<T> {
  private rows = new Map<string, Row<T>>();

  constructor(
    private readonly parent: Element,
    private readonly keyOf: (value: T) => string,
    private readonly make: (value: T) => Row<T>,
    /** Rows stand before it; at the end when there is none. */
    private readonly before: Element | null = null,
  ) {}

  show(values: readonly T[]): void {
    const rows = new Map<string, Row<T>>();
    for (const value of values) {
      const key = this.keyOf(value);
      rows.set(key, this.rows.get(key) ?? this.make(value));
    }
    for (const [key, { element }] of this.rows) if (!rows.has(key)) element.remove();
    this.rows = rows;
    this.order();
    for (const value of values) rows.get(this.keyOf(value))?.update(value);
  }

  /** Moves only what is not in its place: whatever has the focus most likely is. */
  private order(): void {
    let next: Element | null = this.before;
    for (const { element } of [...this.rows.values()].reverse()) {
      if (element.nextElementSibling !== next || element.parentElement !== this.parent) this.parent.insertBefore(element, next);
      next = element;
    }
  }
}

/** Writes only what is different. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function setData(element: HTMLElement, name: string, value: string): void {
  if (element.dataset[name] !== value) element.dataset[name] = value;
}
