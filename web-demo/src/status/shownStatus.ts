import { useEffect, useState } from "react";
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

/** What a badge shows for the status it was told: the one before, while TRANSFERRING is young. */
export function useShownStatus(status: Status, since: string): Stretch | null {
  const [shown, setShown] = useState<Stretch | null>(() =>
    heldBackFor({ status, since }, Date.now()) > 0 ? null : { status, since },
  );
  useEffect(() => {
    const stretch = { status, since };
    const wait = heldBackFor(stretch, Date.now());
    if (wait === 0) {
      setShown(stretch);
      return;
    }
    const timer = setTimeout(() => setShown(stretch), wait);
    return () => clearTimeout(timer);
  }, [status, since]);
  return shown;
}
