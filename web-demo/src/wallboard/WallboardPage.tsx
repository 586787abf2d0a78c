import { type CSSProperties, useEffect, useMemo, useRef, useState } from "react";
import { Icon } from "../icons/Icon";
import type { IconName } from "../icons/paths";
import { usePageTitle } from "../shell/usePageTitle";
import type { Tone } from "../status/statuses";
import { useNow } from "../time/clock";
import { duration, isoDuration } from "../time/format";
import { type Group, type Line, linesOf, type Sample, withSample } from "./board";
import { Chart } from "./Chart";
import { useCounts } from "./useCounts";

/** How long somebody may wait before the wall says so. */
const longMs = 30_000;
const tooLongMs = 60_000;
const sampleEveryMs = 2_000;

export default function WallboardPage() {
  usePageTitle("Wallboard");
  const { counts, error } = useCounts();
  const queues = useRef(new Map<string, string>());
  const { lines, sum } = useMemo(() => {
    for (const { queueId, queueName } of counts ?? []) {
      if (queueId) queues.current.set(queueId, queueName ?? queueId);
    }
    return linesOf(counts ?? [], queues.current);
  }, [counts]);
  const samples = useSamples(counts === null ? null : sum);

  return (
    <div className="page page-wall">
      <h1 className="visually-hidden">Wallboard</h1>
      {error && (
        <p className="notice notice-bad" role="alert">
          The numbers could not be read: {error}
        </p>
      )}
      <div className="tiles">
        <Tile tone="waiting" icon="queue" label="Waiting" count={sum.waiting}>
          <Longest since={sum.longestSince} />
        </Tile>
        <Tile tone="calling" icon="bell" label="Ringing" count={sum.ringing} />
        <Tile tone="talking" icon="headset" label="Talking" count={sum.talking} />
        <Tile tone="paused" icon="pause" label="Paused" count={sum.onHold + sum.parked}>
          <span className="tile-note">on hold or parked</span>
        </Tile>
        <Tile tone="closing" icon="pencil" label="Wrapping up" count={sum.wrapUp} />
        <Tile tone="quiet" icon="spark" label="All open" count={sum.total} />
      </div>
      <div className="wall-columns">
        <section className="wall-queues" aria-labelledby="wall-queues">
          <h2 id="wall-queues">Queues</h2>
          <QueueTable lines={lines} loading={counts === null} />
        </section>
        <section className="wall-chart" aria-labelledby="wall-chart">
          <h2 id="wall-chart">Since this page was opened</h2>
          <Chart samples={samples} />
        </section>
      </div>
    </div>
  );
}

/** One sample every two seconds, of what the page has seen itself. */
function useSamples(sum: Line | null): readonly Sample[] {
  const [samples, setSamples] = useState<readonly Sample[]>([]);
  const latest = useRef(sum);
  latest.current = sum;
  const begun = sum !== null;
  useEffect(() => {
    if (!begun) return;
    const take = () => {
      const now = latest.current;
      if (!now) return;
      const busy = now.talking + now.onHold + now.parked + now.wrapUp;
      setSamples((all) => withSample(all, { at: Date.now(), waiting: now.waiting, busy }));
    };
    take();
    const timer = setInterval(take, sampleEveryMs);
    return () => clearInterval(timer);
  }, [begun]);
  return samples;
}

/** What stands beside those who wait. */
const columns: { group: Group | "total"; label: string; title?: string }[] = [
  { group: "ringing", label: "Ringing", title: "Alerting an agent, or dialing" },
  { group: "talking", label: "Talking" },
  { group: "onHold", label: "On hold" },
  { group: "parked", label: "Parked" },
  { group: "wrapUp", label: "Wrap-up" },
  { group: "other", label: "Other", title: "In a flow, scheduled, voicemail, in transfer, idle" },
  { group: "total", label: "Open" },
];

interface TileProps {
  tone: Tone;
  icon: IconName;
  label: string;
  count: number;
  children?: React.ReactNode;
}

function Tile({ tone, icon, label, count, children }: TileProps) {
  return (
    <div className={`tile tone-${tone}`} data-tile={label}>
      <span className="tile-label">
        <Icon name={icon} size={18} /> {label}
      </span>
      <span className="tile-count">{count}</span>
      {children}
    </div>
  );
}

function Longest({ since }: { since: number | null }) {
  const now = useNow();
  if (since === null) return <span className="tile-note">nobody waits</span>;
  return (
    <span className="tile-note">
      longest <time dateTime={isoDuration(now - since)}>{duration(now - since)}</time>
    </span>
  );
}

function QueueTable({ lines, loading }: { lines: readonly Line[]; loading: boolean }) {
  if (lines.length === 0) {
    return (
      <p className="table-empty">
        {loading ? "Reading the numbers…" : "No conversation is open in any queue."}
      </p>
    );
  }
  return (
    <section className="scroll-x" aria-label="Queues" tabIndex={0}>
      <table className="wall-table" style={{ "--lines": lines.length } as CSSProperties}>
        <thead>
          <tr>
            <th scope="col">Queue</th>
            <th scope="col">Waiting</th>
            <th scope="col">Longest</th>
            {columns.map(({ group, label, title }) => (
              <th scope="col" key={group} title={title}>
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {lines.map((line) => (
            <tr key={line.queueId ?? ""} data-queue={line.name}>
              <th scope="row">{line.name}</th>
              <NumberCell value={line.waiting} strong />
              <Wait since={line.longestSince} />
              {columns.map(({ group }) => (
                <NumberCell key={group} value={line[group]} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function NumberCell({ value, strong }: { value: number; strong?: boolean }) {
  const look = value === 0 ? "zero" : strong ? "strong" : "";
  return <td className={`wall-number ${look}`}>{value}</td>;
}

function Wait({ since }: { since: number | null }) {
  const now = useNow();
  if (since === null) return <td className="wall-number zero">–</td>;
  const waited = now - since;
  const alarm = waited >= tooLongMs ? "calling" : waited >= longMs ? "waiting" : null;
  return (
    <td className="wall-number">
      <span className={alarm ? `wait tone-${alarm}` : "wait"}>
        {alarm === "calling" && <Icon name="warning" size={16} />}
        {duration(waited)}
        {alarm === "calling" && <span className="visually-hidden"> too long</span>}
      </span>
    </td>
  );
}
