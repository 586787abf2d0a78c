import { Icon } from "../icons/Icon";
import { useNow } from "../time/clock";
import { duration, isoDuration } from "../time/format";
import { useShownStatus } from "./shownStatus";
import { type Status, statuses } from "./statuses";

interface Props {
  status: Status;
  since: string;
  /** Ended conversations show no running time. */
  ticking?: boolean;
}

export function StatusBadge({ status, since, ticking = status !== "ENDED" }: Props) {
  const shown = useShownStatus(status, since);
  const look = shown && statuses[shown.status];
  if (!look) return <span className="badge tone-quiet" data-status="" aria-busy="true" />;
  return (
    <span className={`badge tone-${look.tone}`} data-status={shown.status}>
      <Icon name={look.icon} />
      <span className="badge-label">{look.label}</span>
      {ticking && <Elapsed since={shown.since} />}
    </span>
  );
}

function Elapsed({ since }: { since: string }) {
  const ms = useNow() - Date.parse(since);
  return (
    <time className="badge-time" dateTime={isoDuration(ms)}>
      {duration(ms)}
    </time>
  );
}
