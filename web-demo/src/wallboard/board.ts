import type { Status } from "../status/statuses";

/** How many conversations of a queue have a status. */
export interface Count {
  status?: Status | null;
  queueId?: string | null;
  queueName?: string | null;
  count: number;
  oldestSince?: string | null;
}

/** What a wall shows of one queue, or of all. */
export interface Line {
  queueId: string | null;
  name: string;
  waiting: number;
  /** Since when the longest waits, in ms; null when nobody does. */
  longestSince: number | null;
  ringing: number;
  talking: number;
  onHold: number;
  parked: number;
  wrapUp: number;
  other: number;
  total: number;
}

export type Group = "waiting" | "ringing" | "talking" | "onHold" | "parked" | "wrapUp" | "other";

/** The column of each status; those without one are counted as `other`. */
const groups: Partial<Record<Status, Group>> = {
  WAITING_IN_QUEUE: "waiting",
  ALERTING: "ringing",
  DIALING: "ringing",
  CONNECTED: "talking",
  ON_HOLD: "onHold",
  PARKED: "parked",
  AFTER_CALL_WORK: "wrapUp",
};

const empty = (queueId: string | null, name: string): Line => ({
  queueId,
  name,
  waiting: 0,
  longestSince: null,
  ringing: 0,
  talking: 0,
  onHold: 0,
  parked: 0,
  wrapUp: 0,
  other: 0,
  total: 0,
});

/**
 * One line for each queue, by name, and their sum; what is in no queue comes last.
 * `known`: queues that stay though they are empty.
 */
export function linesOf(counts: readonly Count[], known: ReadonlyMap<string, string>) {
  const lines = new Map([...known].map(([id, name]) => [id, empty(id, name)]));
  const sum = empty(null, "All queues");
  for (const count of counts) {
    if (!count.status || count.status === "ENDED") continue;
    const id = count.queueId ?? "";
    const line = lines.get(id) ?? empty(count.queueId ?? null, count.queueName ?? "No queue");
    lines.set(id, line);
    add(line, count);
    add(sum, count);
  }
  const inOrder = [...lines.values()].sort(
    (a, b) => Number(a.queueId === null) - Number(b.queueId === null) || byName(a, b),
  );
  return { lines: inOrder, sum };
}

const byName = (a: Line, b: Line) => a.name.localeCompare(b.name);

function add(line: Line, { status, count, oldestSince }: Count) {
  const group = (status && groups[status]) ?? "other";
  line[group] += count;
  line.total += count;
  if (group !== "waiting" || !oldestSince || count === 0) return;
  const since = Date.parse(oldestSince);
  line.longestSince = Math.min(line.longestSince ?? since, since);
}

export interface Sample {
  at: number;
  waiting: number;
  busy: number;
}

/** The history that a page keeps of itself; half of it is thinned out when it grows too long. */
export function withSample(samples: readonly Sample[], sample: Sample, most = 720): Sample[] {
  const next = [...samples, sample];
  if (next.length <= most) return next;
  const half = Math.floor(most / 2);
  return [...next.slice(0, half).filter((_, index) => index % 2 === 0), ...next.slice(half)];
}
