/**
 * The last five minutes as three charts. Must not know where the numbers come from.
 */
import uPlot from "uplot";
import type { Sample } from "../../src/balancer/dashboard/picture.js";
import { byId, element } from "../base/elements.js";
import { duration, rate } from "./quantities.js";
import { setText } from "./keyed-rows.js";

interface Line {
  readonly label: string;
  /** A colour of the style sheet. */
  readonly colour: string;
  readonly fill: boolean;
  /** -1 for none. */
  readonly value: (sample: Sample) => number;
}

interface ChartKind {
  readonly name: "requests" | "errors" | "latency";
  readonly lines: readonly Line[];
  readonly format: (value: number) => string;
  /** The axis reaches at least so far. */
  readonly topMin: number;
}

const kinds: readonly ChartKind[] = [
  { name: "requests", format: rate, topMin: 1, lines: [{ label: "requests", colour: "--accent", fill: true, value: ({ perSecond }) => perSecond }] },
  {
    name: "errors",
    format: rate,
    topMin: 1,
    lines: [
      { label: "failed (5xx)", colour: "--error", fill: true, value: ({ failuresPerSecond }) => failuresPerSecond },
      { label: "refused (4xx)", colour: "--warning", fill: false, value: ({ refusalsPerSecond }) => refusalsPerSecond },
    ],
  },
  {
    name: "latency",
    format: duration,
    topMin: 10,
    lines: [
      { label: "p50", colour: "--good", fill: false, value: ({ p50Ms }) => p50Ms },
      { label: "p90", colour: "--accent", fill: false, value: ({ p90Ms }) => p90Ms },
      { label: "p99", colour: "--syntax-keyword", fill: false, value: ({ p99Ms }) => p99Ms },
    ],
  },
];

const heightPx = 132;
const spanSeconds = 300;

export class Charts {
  private readonly charts: readonly Chart[] = kinds.map((kind) => new Chart(kind));
  private samples: readonly Sample[] = [];

  show(samples: readonly Sample[]): void {
    if (samples === this.samples) return;
    this.samples = samples;
    for (const chart of this.charts) chart.show(samples);
  }

  /** After a change of the colours. */
  redraw(): void {
    for (const chart of this.charts) chart.restyle();
  }
}

class Chart {
  private readonly place: HTMLElement;
  private readonly now: HTMLElement;
  private plot: uPlot | undefined;
  private samples: readonly Sample[] = [];

  constructor(private readonly kind: ChartKind) {
    this.place = byId(`${kind.name}-chart`, HTMLElement);
    this.now = byId(`${kind.name}-now`, HTMLElement);
    for (const { label, colour } of kind.lines) this.now.append(element("span", { class: "key", "data-colour": colour }, label, " ", element("b", {})));
    new ResizeObserver(() => this.fit()).observe(this.place);
  }

  show(samples: readonly Sample[]): void {
    this.samples = samples;
    if (this.plot === undefined) this.restyle();
    else this.plot.setData(this.data());
    this.tell(this.samples.at(-1));
  }

  restyle(): void {
    this.plot?.destroy();
    this.place.replaceChildren();
    if (this.samples.length > 0) this.plot = new uPlot(this.options(), this.data(), this.place);
  }

  private fit(): void {
    this.plot?.setSize({ width: this.place.clientWidth, height: heightPx });
  }

  /** The values under the pointer, else the newest. */
  private tell(sample: Sample | undefined): void {
    for (const [index, { value }] of this.kind.lines.entries()) {
      const figure = this.now.children[index]?.querySelector("b");
      if (figure != null) setText(figure, sample === undefined ? "" : this.kind.format(value(sample)));
    }
  }

  private data(): uPlot.AlignedData {
    const times = this.samples.map(({ atUnixMs }) => atUnixMs / 1_000);
    return [times, ...this.kind.lines.map(({ value }) => this.samples.map((sample) => (value(sample) < 0 ? null : value(sample))))];
  }

  private options(): uPlot.Options {
    const { lines, format, topMin } = this.kind;
    const [muted, grid] = [colourOf(this.place, "--muted"), colourOf(this.place, "--line")];
    const axis = { stroke: muted, grid: { stroke: grid, width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
    return {
      width: this.place.clientWidth,
      height: heightPx,
      padding: [8, 18, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
      scales: { x: { range: (_plot, _min, max) => [max - spanSeconds, max] }, y: { range: (_plot, _min, max) => [0, Math.max(topMin, (max || 0) * 1.1)] } },
      axes: [
        { ...axis, size: 24, space: 46, values: (_plot, times) => times.map((time) => new Date(time * 1_000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" })) },
        { ...axis, size: 52, space: 34, values: (_plot, values) => values.map(format) },
      ],
      series: [
        {},
        ...lines.map(({ label, colour, fill }) => {
          const stroke = colourOf(this.place, colour);
          return { label, stroke, width: 1.5, points: { show: false }, ...(fill && { fill: stroke.replace(/^rgb\((.*)\)$/, "rgb($1 / 0.14)").replaceAll(",", "") }) };
        }),
      ],
      hooks: { setCursor: [({ cursor: { idx } }) => this.tell(idx == null ? this.samples.at(-1) : this.samples[idx])] },
    };
  }
}

/** What a canvas can take: the style sheet's own text depends on light or dark. */
function colourOf(place: HTMLElement, name: string): string {
  const probe = element("span", {});
  probe.style.color = `var(${name})`;
  place.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
