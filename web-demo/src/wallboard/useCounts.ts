import { useEffect, useState } from "react";
import { socket } from "../api/gateway";
import { graphql } from "../gql";
import type { Count } from "./board";
import { followCounts } from "./counts";

const CountsByQueueAndStatus = graphql(`
  subscription CountsByQueueAndStatus {
    conversationCountsChanged(groupBy: [QUEUE, STATUS]) {
      status
      queueId
      queueName
      count
      oldestSince
    }
  }
`);

interface CountsState {
  counts: readonly Count[] | null;
  error: string | null;
}

/** How many open conversations each queue has in each status, live; null until the gateway has said. */
export function useCounts(): CountsState {
  const [state, setState] = useState<CountsState>({ counts: null, error: null });
  useEffect(
    () =>
      followCounts(socket, {
        document: CountsByQueueAndStatus,
        counts: ({ conversationCountsChanged }) => conversationCountsChanged,
        onCounts: (counts) => setState({ counts: [...counts.values()], error: null }),
        onRefused: (error) => setState((before) => ({ ...before, error })),
      }),
    [],
  );
  return state;
}
