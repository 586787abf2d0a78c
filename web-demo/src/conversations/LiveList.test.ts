import { type ApolloClient, InMemoryCache } from "@apollo/client";
import type { Client, EventListener, ExecutionResult, Sink } from "graphql-ws";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { ConversationRowFragment, ConversationStatus, Membership } from "../gql/graphql";
import { LiveList } from "./LiveList";
import { openConversations } from "./operations";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function row(id: string, version = 1, status: ConversationStatus = "CONNECTED") {
  const at = `2026-11-23T10:00:0${id.length}.000Z`;
  const conversation: ConversationRowFragment = {
    __typename: "Conversation",
    id,
    conversationId: id,
    version,
    calculatedStatus: status,
    statusSince: at,
    createdAt: at,
    conversationStart: at,
    waitingSince: null,
    direction: "INBOUND",
    originalMediaType: "VOICE",
    activeMediaType: "VOICE",
    lastQueueId: null,
    lastQueueName: null,
    errorMessage: null,
    owner: null,
  };
  return conversation;
}

/** A gateway that lists `pages`, but not the `failing` one, and whose feed the test holds in its hand. */
async function liveList(pages: ConversationRowFragment[][], failing: number | null = null) {
  const gateway = { pages, failing, reads: 0, afters: [] as unknown[], recovered: 0 };
  let sink: Sink<ExecutionResult> | undefined;
  const connected = new Set<EventListener<"connected">>();
  const cache = new InMemoryCache();
  const list = new LiveList({
    apollo: {
      cache,
      query: async ({ variables }: { variables: { after: string | null } }) => {
        const index = Number(variables.after ?? 0);
        if (index === 0) gateway.reads += 1;
        if (index === gateway.failing) throw new Error("no answer");
        const hasNextPage = index + 1 < gateway.pages.length;
        return {
          data: {
            conversations: {
              nodes: gateway.pages[index],
              pageInfo: { hasNextPage, endCursor: String(index + 1) },
              feedCursor: `head-of-page-${index}`,
            },
          },
        };
      },
    } as unknown as ApolloClient,
    socket: {
      on: (_event: string, listener: EventListener<"connected">) => {
        connected.add(listener);
        return () => connected.delete(listener);
      },
      subscribe: (payload: { variables: { after: unknown } }, to: Sink<ExecutionResult>) => {
        gateway.afters.push(payload.variables.after);
        sink = to;
        return () => {
          sink = undefined;
        };
      },
    } as unknown as Client,
    source: openConversations,
    onRecovered: (changes) => {
      gateway.recovered += changes;
    },
  });
  const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms);
  const stop = list.start();
  await settle();
  return {
    gateway,
    cache,
    stop,
    settle,
    error: () => list.state().error,
    shown: () => list.state().rows.map((each) => `${each.conversationId}${each.version}`),
    reconnect: () => {
      for (const tell of connected) tell({}, undefined, true);
    },
    send: (conversation: ConversationRowFragment, membership: Membership, recovered?: string) =>
      sink?.next({
        data: {
          conversationChanged: {
            cursor: `${conversation.conversationId}-${conversation.version}`,
            version: conversation.version,
            conversationId: conversation.conversationId,
            recordedAt: new Date().toISOString(),
            membership,
            conversation,
          },
        },
        ...(recovered && { extensions: { feed: { recovered, from: null, head: "h" } } }),
      }),
    restart: () => list.start(),
  };
}

it("reads every page and follows from the place of the first", async () => {
  const { shown, gateway } = await liveList([[row("ccc"), row("bb")], [row("a")]]);
  expect(shown()).toEqual(["ccc1", "bb1", "a1"]);
  expect(gateway.afters).toEqual(["head-of-page-0"]);
});

it("shows changes together, and tells the cache", async () => {
  const { send, shown, settle, cache } = await liveList([[row("bb")]]);
  send(row("ccc"), "ENTERED", "RESUMED");
  send(row("bb", 2, "ON_HOLD"), "STAYED");
  expect(shown()).toEqual(["bb1"]);
  await settle(100);
  expect(shown()).toEqual(["ccc1", "bb2"]);
  expect(Object.values(cache.extract()).map((each) => each?.calculatedStatus)).toContain("ON_HOLD");
});

it("reads the list anew when the gateway could only send a snapshot", async () => {
  const { gateway, reconnect, send, settle, shown } = await liveList([[row("bb"), row("a")]]);
  gateway.pages = [[row("bb", 5)]];
  reconnect();
  send(row("bb", 5), "ENTERED", "SNAPSHOT");
  await settle(100);
  expect(shown()).toEqual(["bb5"]);
});

it("reads the list anew when nothing comes after a reconnect", async () => {
  const { gateway, reconnect, settle, shown } = await liveList([[row("bb")]]);
  gateway.pages = [[]];
  reconnect();
  await settle(2_000);
  expect(shown()).toEqual([]);
});

it("is content with a resume", async () => {
  const { gateway, reconnect, send, settle } = await liveList([[row("bb")]]);
  reconnect();
  send(row("bb", 2), "STAYED", "RESUMED");
  await settle(5_000);
  expect(gateway.reads).toBe(1);
});

it("reads a page that failed again although the feed resumes", async () => {
  const { gateway, send, settle, shown, error } = await liveList([[row("ccc")], [row("bb")]], 1);
  expect(error()).toBe("no answer");
  gateway.failing = null;
  send(row("ccc", 2), "STAYED", "RESUMED");
  await settle(2_000);
  expect(shown()).toEqual(["ccc2", "bb1"]);
  expect(error()).toBeNull();
  await settle(5_000);
  expect(gateway.reads).toBe(2);
});

it("reads no more once it was stopped", async () => {
  const { gateway, reconnect, stop, settle } = await liveList([[row("ccc")], [row("bb")]], 1);
  reconnect();
  stop();
  await settle(5_000);
  expect(gateway.reads).toBe(1);
});

it("follows again after it was stopped and started", async () => {
  const { gateway, stop, restart, settle, send, shown } = await liveList([[row("bb")]]);
  stop();
  restart();
  await settle();
  send(row("a"), "ENTERED");
  await settle(100);
  expect(gateway.afters).toHaveLength(2);
  expect(shown()).toEqual(["bb1", "a1"]);
});
