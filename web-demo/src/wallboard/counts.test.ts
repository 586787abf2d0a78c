import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { parse } from "graphql";
import type { Client, Sink } from "graphql-ws";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { ConversationStatus } from "../gql/graphql";
import type { Count } from "./board";
import { followCounts, merged } from "./counts";

type Data = { counts: Count[] };
const document = parse("subscription { counts }") as TypedDocumentNode<Data, Record<string, never>>;

const count = (queueId: string, status: ConversationStatus, number: number): Count => ({
  queueId,
  queueName: queueId,
  status,
  count: number,
  oldestSince: null,
});
const waiting = (number: number, queueId = "a") => count(queueId, "WAITING_IN_QUEUE", number);

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

it("a group that is named changes, one without any goes, the others stay", () => {
  const before = merged(new Map(), [waiting(2), waiting(3, "b"), count("a", "CONNECTED", 1)]);
  const after = merged(before, [waiting(0), count("a", "CONNECTED", 2)]);
  expect([...after.values()]).toEqual([waiting(3, "b"), count("a", "CONNECTED", 2)]);
});

function stage() {
  const sinks: Sink<unknown>[] = [];
  let connected = () => {};
  const client = {
    on: (_event: string, listener: () => void) => {
      connected = listener;
      return () => {};
    },
    subscribe: (_payload: unknown, sink: Sink<unknown>) => {
      sinks.push(sink);
      return () => {};
    },
  } as unknown as Client;
  const [shown, refused] = [vi.fn(), vi.fn()];
  const stop = followCounts<Data>(client, {
    document,
    counts: (data) => data.counts,
    onCounts: (counts) => shown([...counts.values()]),
    onRefused: refused,
    retryAfterMs: 100,
  });
  const tell = (...counts: Count[]) => sinks.at(-1)?.next({ data: { counts } });
  return { sinks, shown, refused, stop, tell, connected: () => connected() };
}

it("what is told after a reconnect takes the place of all that was known", () => {
  const { shown, tell, connected } = stage();
  tell(waiting(2), waiting(1, "gone meanwhile"));
  tell(waiting(3));
  expect(shown).toHaveBeenLastCalledWith([waiting(3), waiting(1, "gone meanwhile")]);
  connected();
  tell(waiting(4));
  expect(shown).toHaveBeenLastCalledWith([waiting(4)]);
});

it("a refusal is told, and asked about again until the page is left", () => {
  const { sinks, refused, stop } = stage();
  sinks[0]?.error([{ message: "too many groups" }]);
  expect(refused).toHaveBeenCalledWith("too many groups");
  vi.advanceTimersByTime(100);
  expect(sinks).toHaveLength(2);
  stop();
  sinks[1]?.complete();
  vi.advanceTimersByTime(1_000);
  expect(sinks).toHaveLength(2);
});
