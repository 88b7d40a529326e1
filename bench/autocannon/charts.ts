/** Charts as SVG text, with nothing to load. Must not know what is charted. */

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** Smallest and largest of the rounds. */
  readonly low: number;
  readonly high: number;
}

export interface Line {
  readonly label: string;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

const palette = ["#0a7d4b", "#c2410c", "#1d4ed8", "#a16207", "#7c3aed", "#64748b", "#be185d", "#0e7490"];

/** The same color for the same name on every chart of a page. */
export class Colors {
  private readonly byName = new Map<string, string>();

  of(name: string): string {
    const known = this.byName.get(name);
    if (known !== undefined) return known;
    const color = palette[this.byName.size % palette.length]!;
    this.byName.set(name, color);
    return color;
  }
}

const labelWidth = 110;
const plotWidth = 420;
const barHeight = 20;

/** Horizontal bars from 0, each with a whisker from its lowest to its highest. */
export function barChart(title: string, bars: readonly Bar[], colors: Colors): string {
  const most = Math.max(...bars.map(({ high }) => high), Number.MIN_VALUE);
  const x = (value: number): number => Math.round((value / most) * (plotWidth - 60));
  const rows = bars.map(({ label, value, low, high }, index) => {
    const top = 28 + index * barHeight;
    const middle = top + barHeight / 2 - 1;
    return [
      `<text x="${labelWidth - 6}" y="${top + 13}" text-anchor="end">${escapeText(label)}</text>`,
      `<rect x="${labelWidth}" y="${top}" width="${Math.max(1, x(value))}" height="${barHeight - 4}" fill="${colors.of(label)}"/>`,
      `<path d="M${labelWidth + x(low)} ${middle}H${labelWidth + x(high)}" stroke="#111" stroke-width="1.5"/>`,
      `<text x="${labelWidth + x(high) + 6}" y="${top + 13}">${shortNumber(value)}</text>`,
    ].join("");
  });
  return svg(title, labelWidth + plotWidth, 34 + bars.length * barHeight, rows.join("\n"));
}

const chartHeight = 230;
const left = 56;

/** Lines over a common x; both axes from 0, `isLogarithmic` for a y that spans powers of ten. */
export function lineChart(title: string, xName: string, lines: readonly Line[], colors: Colors, isLogarithmic: boolean): string {
  const all = lines.flatMap(({ points }) => points);
  const xMost = Math.max(...all.map(({ x }) => x), 1);
  const yMost = Math.max(...all.map(({ y }) => y), Number.MIN_VALUE);
  const yLeast = isLogarithmic ? 10 ** Math.floor(Math.log10(Math.max(1e-3, Math.min(...all.map(({ y }) => y))))) : 0;
  const part = (y: number): number => (isLogarithmic ? Math.log(Math.max(y, yLeast) / yLeast) / Math.log(Math.max(yMost / yLeast, 1.01)) : y / yMost);
  const at = ({ x, y }: { x: number; y: number }): string => `${(left + (x / xMost) * plotWidth).toFixed(1)} ${(30 + (1 - part(y)) * (chartHeight - 70)).toFixed(1)}`;
  const grid = [0, 0.25, 0.5, 0.75, 1].map((step) => {
    const y = isLogarithmic ? yLeast * (yMost / yLeast) ** step : yMost * step;
    const height = 30 + (1 - step) * (chartHeight - 70);
    return `<path d="M${left} ${height}h${plotWidth}" stroke="#ddd"/><text x="${left - 6}" y="${height + 4}" text-anchor="end">${shortNumber(y)}</text>`;
  });
  const ticks = [0, 0.5, 1].map((step) => `<text x="${left + step * plotWidth}" y="${chartHeight - 24}" text-anchor="middle">${shortNumber(xMost * step)}</text>`);
  const drawn = lines.map(({ label, points }, index) => {
    const color = colors.of(label);
    const dots = points.map((point) => `<circle cx="${at(point).replace(" ", '" cy="')}" r="3" fill="${color}"/>`).join("");
    const legend = `<rect x="${left + index * 105}" y="${chartHeight - 14}" width="10" height="10" fill="${color}"/><text x="${left + 14 + index * 105}" y="${chartHeight - 5}">${escapeText(label)}</text>`;
    return `<path d="M${points.map(at).join("L")}" fill="none" stroke="${color}" stroke-width="2"/>${dots}${legend}`;
  });
  const name = `<text x="${left + plotWidth}" y="${chartHeight - 5}" text-anchor="end">${escapeText(xName)}</text>`;
  return svg(title, left + plotWidth + 40, chartHeight, [...grid, ...ticks, ...drawn, name].join("\n"));
}

export function escapeText(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/"/g, "&quot;");
}

export function shortNumber(value: number): string {
  if (value >= 1_000) return Math.round(value).toLocaleString("en");
  return value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toFixed(2);
}

function svg(title: string, width: number, height: number, content: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeText(title)}">
<text x="4" y="16" font-weight="bold">${escapeText(title)}</text>
${content}
</svg>`;
}
