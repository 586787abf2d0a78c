import { clockTime } from "../time/format";
import type { Sample } from "./board";

const width = 600;
const height = 260;
const left = 34;
const bottom = 24;

/** Waiting against being served, as two lines that differ in stroke as well as in colour. */
export function Chart({ samples }: { samples: readonly Sample[] }) {
  const [first, last] = [samples[0], samples.at(-1)];
  if (!first || !last || samples.length < 2) {
    return <p className="table-empty">The lines begin in a moment.</p>;
  }
  const most = Math.max(4, ...samples.map(({ waiting, busy }) => Math.max(waiting, busy)));
  const top = roundUp(most);
  const x = (at: number) =>
    left + ((at - first.at) / Math.max(1, last.at - first.at)) * (width - left - 8);
  const y = (value: number) => 8 + (1 - value / top) * (height - bottom - 8);
  const line = (of: (sample: Sample) => number) =>
    samples.map((sample) => `${x(sample.at).toFixed(1)},${y(of(sample)).toFixed(1)}`).join(" ");
  const words = `From ${clock(first.at)} to ${clock(last.at)}: waiting ${first.waiting} to ${last.waiting}, with agents ${first.busy} to ${last.busy}, at most ${most}.`;
  return (
    <figure className="chart">
      <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={words}>
        {[0, 0.25, 0.5, 0.75, 1].map((part) => (
          <g key={part}>
            <line
              x1={left}
              x2={width - 8}
              y1={y(top * part)}
              y2={y(top * part)}
              className="chart-grid"
            />
            <text x={left - 8} y={y(top * part) + 4} textAnchor="end" className="chart-text">
              {top * part}
            </text>
          </g>
        ))}
        <text x={left} y={height - 4} className="chart-text">
          {clock(first.at)}
        </text>
        <text x={width - 8} y={height - 4} textAnchor="end" className="chart-text">
          {clock(last.at)}
        </text>
        <polyline points={line(({ busy }) => busy)} className="chart-line chart-busy" />
        <polyline points={line(({ waiting }) => waiting)} className="chart-line chart-waiting" />
      </svg>
      <figcaption className="chart-legend">
        <span className="chart-key chart-key-waiting">Waiting {last.waiting}</span>
        <span className="chart-key chart-key-busy">With agents {last.busy}</span>
      </figcaption>
    </figure>
  );
}

const clock = (at: number) => clockTime(new Date(at).toISOString());

/** To a number whose quarters are whole. */
const roundUp = (value: number) => Math.ceil(value / 4) * 4;
