import { useQuery } from "@apollo/client/react";
import { print } from "graphql";
import { useEffect, useSyncExternalStore } from "react";
import { withTypenames } from "../api/documents";
import { apollo, socket } from "../api/gateway";
import { graphql } from "../gql";
import type { FeedStatusFieldsFragment } from "../gql/graphql";
import { type LinkHealth, LinkWatch } from "./health";
import { staleSinceOf } from "./staleSince";

export const linkWatch = new LinkWatch(socket);

graphql(`
  fragment FeedStatusFields on FeedStatus {
    state
    since
    staleSince
    lastEventAt
    topicsWanted
    topicsSubscribed
    refusedTopics {
      topic
      reason
    }
    repairProgress
  }
`);

const FeedStatusQuery = graphql(`
  query FeedStatus {
    feedStatus {
      ...FeedStatusFields
    }
  }
`);

const FeedStatusChanged = graphql(`
  subscription FeedStatusChanged {
    feedStatusChanged {
      ...FeedStatusFields
    }
  }
`);

/** One line of truth from two: this page's socket, and the gateway's own sockets to Genesys. */
export interface FeedHealth {
  state: "connecting" | "live" | "catching-up" | "stale";
  /** Since when the picture may be out of date, in ms since the epoch. */
  staleSince: number | null;
  /** Which line is broken, while stale. */
  broken: "gateway" | "genesys" | null;
  status: FeedStatusFieldsFragment | null;
  link: LinkHealth;
}

export function feedHealth(status: FeedStatusFieldsFragment | null, link: LinkHealth): FeedHealth {
  const common = { status, link };
  if (link.link === "lost") {
    return { ...common, state: "stale", staleSince: link.lostSince, broken: "gateway" };
  }
  if (link.link === "connecting" || !status) {
    return { ...common, state: "connecting", staleSince: null, broken: null };
  }
  const staleSince = staleSinceOf(status);
  if (status.state === "DISCONNECTED") {
    return { ...common, state: "stale", staleSince, broken: "genesys" };
  }
  const state = status.state === "CATCHING_UP" ? "catching-up" : "live";
  return { ...common, state, staleSince, broken: null };
}

export function useFeedHealth(): FeedHealth {
  const link = useSyncExternalStore(linkWatch.subscribe, linkWatch.health);
  const { data, refetch } = useQuery(FeedStatusQuery, { fetchPolicy: "cache-and-network" });

  useEffect(
    () =>
      socket.on("connected", (_socket, _payload, wasRetry) => {
        if (wasRetry) refetch().catch(() => {});
      }),
    [refetch],
  );
  useEffect(() => {
    let stop = () => {};
    const listen = () => {
      stop = socket.subscribe(
        { query: print(withTypenames(FeedStatusChanged)) },
        {
          next: ({ data }) => {
            const feedStatus = data?.feedStatusChanged as FeedStatusFieldsFragment | undefined;
            if (feedStatus) apollo.writeQuery({ query: FeedStatusQuery, data: { feedStatus } });
          },
          error: retry,
          complete: retry,
        },
      );
    };
    let timer: ReturnType<typeof setTimeout> | undefined;
    let stopped = false;
    const retry = () => {
      if (!stopped) timer = setTimeout(listen, 1_000);
    };
    listen();
    return () => {
      stopped = true;
      stop();
      clearTimeout(timer);
    };
  }, []);

  return feedHealth(data?.feedStatus ?? null, link);
}
