import { useMemo } from "react";
import { openConversations } from "../conversations/operations";
import { useLiveList } from "../conversations/useLiveList";
import type { ConversationRowFragment } from "../gql/graphql";
import type { Count } from "./board";

/** The numbers of conversations by queue and status, live; null until they were read. */
export function useCounts(): { counts: readonly Count[] | null; error: string | null } {
  const { rows, loading, error } = useLiveList(openConversations);
  const counts = useMemo(() => (loading ? null : counted(rows)), [rows, loading]);
  return { counts, error };
}

export function counted(rows: readonly ConversationRowFragment[]): Count[] {
  const counts = new Map<string, Count>();
  for (const row of rows) {
    const { calculatedStatus: status, lastQueueId, lastQueueName, waitingSince } = row;
    const since = waitingSince ?? row.statusSince;
    const key = `${lastQueueId ?? ""}/${status}`;
    const known = counts.get(key);
    counts.set(key, {
      status,
      queueId: lastQueueId ?? null,
      queueName: lastQueueName ?? null,
      count: (known?.count ?? 0) + 1,
      oldestSince: known?.oldestSince && known.oldestSince < since ? known.oldestSince : since,
    });
  }
  return [...counts.values()];
}
