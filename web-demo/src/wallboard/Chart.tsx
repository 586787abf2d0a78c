import { clockTime } from "../time/format";
import type { Sample } from "./board";
import { useSize } from "./useSize";

const left = 44;
const right = 12;
const above = 10;
const below = 28;

/** Waiting against being served, as two lines that differ in stroke as well as in colour. */
export function Chart({ samples }: { samples: readonly Sample[] }) {
  const [place, { width, height }] = useSize<HTMLDivElement>();
  const [first, last] = [samples[0], samples.at(-1)];
  const most = Math.max(4, ...samples.map(({ waiting, busy }) => Math.max(waiting, busy)));
  return (
    <figure className="chart">
      <div className="chart-place" ref={place}>
        {!first || !last || samples.length < 2 ? (
          <p className="table-empty">The lines begin in a moment.</p>
        ) : (
          width > 0 && (
            <svg
              width={width}
              height={height}
              role="img"
              aria-label={`From ${clock(first.at)} to ${clock(last.at)}: waiting ${first.waiting} to ${last.waiting}, with agents ${first.busy} to ${last.busy}, at most ${most}.`}
            >
              <Lines samples={samples} most={most} width={width} height={height} />
            </svg>
          )
        )}
      </div>
      <figcaption className="chart-legend">
        <span className="chart-key chart-key-waiting">
          Waiting <strong>{last?.waiting ?? "–"}</strong>
        </span>
        <span className="chart-key chart-key-busy">
          With agents <strong>{last?.busy ?? "–"}</strong>
        </span>
      </figcaption>
    </figure>
  );
}

interface LinesProps {
  samples: readonly Sample[];
  most: number;
  width: number;
  height: number;
}

function Lines({ samples, most, width, height }: LinesProps) {
  const [from, to] = [samples[0]?.at ?? 0, samples.at(-1)?.at ?? 0];
  const top = roundUp(most);
  const floor = height - below;
  const x = (at: number) => left + ((at - from) / Math.max(1, to - from)) * (width - left - right);
  const y = (value: number) => floor - (value / top) * (floor - above);
  const line = (of: (sample: Sample) => number) =>
    samples.map((sample) => `${x(sample.at).toFixed(1)},${y(of(sample)).toFixed(1)}`).join(" ");
  const waiting = line((sample) => sample.waiting);
  return (
    <>
      {[0, 0.25, 0.5, 0.75, 1].map((part) => (
        <g key={part}>
          <line
            x1={left}
            x2={width - right}
            y1={y(top * part)}
            y2={y(top * part)}
            className="chart-grid"
          />
          <text x={left - 10} y={y(top * part) + 4} textAnchor="end" className="chart-text">
            {top * part}
          </text>
        </g>
      ))}
      <text x={left} y={height - 4} className="chart-text">
        {clock(from)}
      </text>
      <text x={width - right} y={height - 4} textAnchor="end" className="chart-text">
        {clock(to)}
      </text>
      <polygon
        points={`${left},${floor} ${waiting} ${width - right},${floor}`}
        className="chart-area"
      />
      <polyline points={line((sample) => sample.busy)} className="chart-line chart-busy" />
      <polyline points={waiting} className="chart-line chart-waiting" />
    </>
  );
}

const clock = (at: number) => clockTime(new Date(at).toISOString());

/** To a number whose quarters are whole. */
const roundUp = (value: number) => Math.ceil(value / 4) * 4;
