import { useEffect, useMemo, useSyncExternalStore } from "react";
import { apollo, socket } from "../api/gateway";
import { linkWatch } from "../feed/useFeedHealth";
import { LiveList, type LiveListState, type LiveSource } from "./LiveList";
import type { LiveRow } from "./liveRows";

/** The conversations of `source`, live. Hand in the same object while it means the same. */
export function useLiveList<TRow extends LiveRow>(
  source: LiveSource<TRow>,
  pageSize = 200,
): LiveListState<TRow> {
  const list = useMemo(
    () =>
      new LiveList({
        apollo,
        socket,
        source,
        pageSize,
        onRecovered: (changes) => linkWatch.countRecovered(changes),
      }),
    [source, pageSize],
  );
  useEffect(() => list.start(), [list]);
  return useSyncExternalStore(list.subscribe, list.state);
}
