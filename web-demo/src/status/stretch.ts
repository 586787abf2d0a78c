import type { Status } from "./statuses";

/** TRANSFERRING shorter than this is a hand-over that nobody needs to see. */
export const transferringAfterMs = 1000;

export interface Stretch {
  status: Status;
  since: string;
}

/** How long, in ms, `stretch` must still be held back at `now`; 0 when it may be shown. */
export function heldBackFor(stretch: Stretch, now: number): number {
  if (stretch.status !== "TRANSFERRING") return 0;
  const left = Date.parse(stretch.since) + transferringAfterMs - now;
  return Math.min(Math.max(left, 0), transferringAfterMs);
}
