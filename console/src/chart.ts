/* uPlot, loaded when a chart is first shown. */
import uPlot from 'uplot';

export interface Series {
  minutes: number[];
  accepted: number[];
  refused: number[];
}

const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function options(width: number, height: number): uPlot.Options {
  const axis: uPlot.Axis = {
    stroke: colour('--quiet'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
    font: '12px system-ui, sans-serif',
  };
  const minute = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
  const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
  return {
    width,
    height,
    padding: [8, 20, 0, 0],
    cursor: { points: { size: 6 }, drag: { x: false, y: false } },
    legend: { show: false },
    scales: { y: { range: (_u, _min, max) => [0, Math.max(5, max * 1.1)] } },
    axes: [
      { ...axis, space: 70, size: 30, values: (_u, ticks) => ticks.map((t) => minute.format(t * 1000)) },
      { ...axis, size: 44, values: (_u, ticks) => ticks.map((t) => (Number.isInteger(t) ? whole.format(t) : '')) },
    ],
    series: [
      {},
      { label: 'accepted', stroke: colour('--good'), fill: colour('--good-soft'), width: 1.5, points: { show: false } },
      { label: 'refused', stroke: colour('--bad'), fill: colour('--bad-soft'), width: 1.5, points: { show: false } },
    ],
  };
}

export class Chart {
  private plot: uPlot | null = null;
  constructor(
    private readonly at: HTMLElement,
    private readonly told: (i: number | null) => void,
  ) {}

  draw(series: Series): void {
    const width = this.at.clientWidth;
    const height = this.at.clientHeight;
    const data: uPlot.AlignedData = [series.minutes, series.accepted, series.refused];
    if (this.plot && this.plot.width === width) {
      this.plot.setData(data);
      return;
    }
    this.destroy();
    const wanted = options(width, height);
    wanted.hooks = { setCursor: [(u) => this.told(u.cursor.idx ?? null)] };
    this.plot = new uPlot(wanted, data, this.at);
  }
  destroy(): void {
    this.plot?.destroy();
    this.plot = null;
  }
}
