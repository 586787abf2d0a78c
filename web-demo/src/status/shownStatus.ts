import { useEffect, useState } from "react";
import type { Status } from "./statuses";
import { heldBackFor, type Stretch } from "./stretch";

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
