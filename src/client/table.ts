/**
 * Tables as text: columns that line up, a heading in bold where colour is wanted, no lines, so that they can be cut with awk as
 * well as read. Must not know what is in them.
 */
import picocolors from "picocolors";
import stringWidth from "string-width";
import { oneLine } from "../formats/printable.js";

export interface Table {
  readonly columns: readonly string[];
  /** As many cells as columns each. */
  readonly rows: readonly (readonly string[])[];
  /** What to say when there is no row. */
  readonly empty: string;
}

const betweenColumns = "  ";

/** Ends with a line break. A column that is empty in every row is left out. */
export function renderTable({ columns, rows, empty }: Table, color: boolean): string {
  if (rows.length === 0) return `${empty}\n`;
  const shown = columns.map((_column, index) => index).filter((index) => rows.some((row) => (row[index] ?? "") !== ""));
  const heading = shown.map((index) => (columns[index] ?? "").toUpperCase());
  // What workers and administrators wrote must not move a terminal's cursor, nor break a line.
  const cells = rows.map((row) => shown.map((index) => oneLine(row[index] ?? "")));
  const widths = heading.map((title, column) => cells.reduce((width, row) => Math.max(width, stringWidth(row[column] ?? "")), title.length));
  const { bold } = picocolors.createColors(color);
  return [bold(lineOf(heading, widths)), ...cells.map((row) => lineOf(row, widths))].map((line) => `${line}\n`).join("");
}

/** Nothing follows the last cell. */
function lineOf(cells: readonly string[], widths: readonly number[]): string {
  return cells
    .map((cell, column) => cell + " ".repeat(Math.max(0, (widths[column] ?? 0) - stringWidth(cell))))
    .join(betweenColumns)
    .trimEnd();
}

/** "45s", "12m", "3h", "5d": for a column, where the order of magnitude is what one looks for. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)}m`;
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)}h`;
  return `${Math.round(seconds / 86_400)}d`;
}

/** 0.9 is "90%", 1/3 "33.3%", 0.0001 "0.01%": a small version must not look like none. */
export function formatShare(share: number): string {
  const percent = share * 100;
  if (percent !== 0 && percent < 0.1) return `${Number(percent.toPrecision(1))}%`;
  return `${Number(percent.toFixed(1))}%`;
}
