/** A horizontal bar chart as SVG, on a logarithmic scale. */

export interface Bar {
  readonly label: string;
  readonly value: number;
}

const barHeight = 22;
const labelWidth = 270;
const chartWidth = 560;

export function barChart(title: string, bars: readonly Bar[]): string {
  const largest = Math.log10(Math.max(...bars.map((bar) => bar.value)));
  const width = (value: number): number => Math.max(1, Math.round((Math.log10(Math.max(1, value)) / largest) * (chartWidth - 60)));
  const rows = bars.map((bar, index) => {
    const top = 30 + index * barHeight;
    const color = bar.label === "Lintel" ? "#0a7d4b" : "#8aa0b4";
    return [
      `<text x="${labelWidth - 8}" y="${top + 15}" text-anchor="end">${escape(bar.label)}</text>`,
      `<rect x="${labelWidth}" y="${top + 2}" width="${width(bar.value)}" height="${barHeight - 5}" fill="${color}"/>`,
      `<text x="${labelWidth + width(bar.value) + 5}" y="${top + 15}">${bar.value.toFixed(1)}</text>`,
    ].join("");
  });
  const height = 40 + bars.length * barHeight;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${labelWidth + chartWidth}" height="${height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="white"/><text x="8" y="18" font-weight="bold">${escape(title)} (logarithmic)</text>
${rows.join("\n")}
</svg>
`;
}

function escape(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
}
