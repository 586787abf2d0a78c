import { useEffect, useMemo, useSyncExternalStore } from "react";
import { apollo, socket } from "../api/gateway";
import { linkWatch } from "../feed/useFeedHealth";
import type { ConversationFilter } from "../gql/graphql";
import { LiveList, type LiveListState } from "./LiveList";

/** The conversations that match `filter`, live. Hand in the same object while it means the same. */
export function useLiveList(filter: ConversationFilter): LiveListState {
  const list = useMemo(
    () =>
      new LiveList({
        apollo,
        socket,
        filter,
        onRecovered: (changes) => linkWatch.countRecovered(changes),
      }),
    [filter],
  );
  useEffect(() => list.start(), [list]);
  return useSyncExternalStore(list.subscribe, list.state);
}
