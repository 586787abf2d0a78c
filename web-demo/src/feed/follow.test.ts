import { parse } from "graphql";
import type { Client, EventListener, ExecutionResult, Sink } from "graphql-ws";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type FeedVariables, follow, type Verdict } from "./follow";

type Data = { change: { cursor: string; recordedAt: string } };
const start = Date.parse("2026-11-23T10:00:00.000Z");
const at = (ms: number) => new Date(start + ms).toISOString();

beforeEach(() => vi.useFakeTimers({ now: start }));
afterEach(() => vi.useRealTimers());

/** A client whose line the test holds in its hand. */
function line() {
  const subscribes: unknown[] = [];
  let sink: Sink<ExecutionResult<Data>> | undefined;
  let payload: unknown;
  let connected: EventListener<"connected"> = () => {};
  const client = {
    on: (_event: string, listener: EventListener<"connected">) => {
      connected = listener;
      return () => {
        connected = () => {};
      };
    },
    subscribe: (asked: unknown, to: Sink<ExecutionResult<Data>>) => {
      payload = asked;
      sink = to;
      subscribes.push(structuredClone(asked));
      return () => {
        sink = undefined;
      };
    },
  } as unknown as Client;
  return {
    client,
    subscribes,
    send: (cursor: string, recordedAt: string, feed?: Verdict) =>
      sink?.next({ data: { change: { cursor, recordedAt } }, extensions: { cursor, feed } }),
    reconnect: () => {
      connected({}, undefined, true);
      subscribes.push(structuredClone(payload));
    },
    fail: (extensions: Record<string, unknown>) => sink?.error([{ message: "no", extensions }]),
    complete: () => sink?.complete(),
  };
}

function following(after: string | null = "start") {
  const seen: [string, boolean][] = [];
  const verdicts: Verdict[] = [];
  const refusals: string[] = [];
  const wire = line();
  const stop = follow<Data, FeedVariables, Data["change"]>(wire.client, {
    document: parse("subscription { change { cursor recordedAt } }"),
    variables: { after },
    change: (data) => data.change,
    onChange: (change, recovered) => seen.push([change.cursor, recovered]),
    onVerdict: (verdict) => verdicts.push(verdict),
    onRefused: (message) => refusals.push(message),
    retryAfterMs: 100,
  });
  const afters = () =>
    wire.subscribes.map((asked) => (asked as { variables: FeedVariables }).variables.after);
  return { ...wire, stop, seen, verdicts, refusals, afters };
}

it("asks for everything after the given cursor", () => {
  expect(following().afters()).toEqual(["start"]);
});

it("resumes from the last change it has handed on", () => {
  const feed = following();
  feed.send("c1", at(0));
  feed.send("c2", at(0));
  feed.reconnect();
  expect(feed.afters()).toEqual(["start", "c2"]);
});

it("tells recovered changes from live ones, whatever the gateway's clock says", () => {
  const feed = following();
  const ahead = 30_000;
  feed.send("c1", at(ahead));
  vi.setSystemTime(start + 10_000);
  feed.reconnect();
  feed.send("c2", at(ahead + 4_000));
  feed.send("c3", at(ahead + 9_990));
  feed.send("c4", at(ahead + 10_000));
  expect(feed.seen).toEqual([
    ["c1", false],
    ["c2", true],
    ["c3", true],
    ["c4", false],
  ]);
});

it("hands on the verdict of the first message", () => {
  const feed = following();
  const verdict: Verdict = { recovered: "RESUMED", from: "start", head: "c9" };
  feed.send("c1", at(0), verdict);
  expect(feed.verdicts).toEqual([verdict]);
});

it.each([
  { code: "SUBSCRIPTION_ENDED", reason: "PERMISSION" },
  { code: "SUBSCRIPTION_ENDED", reason: "OVERLOADED" },
  { code: "INTERNAL" },
])("asks again from its cursor after $code $reason", (extensions) => {
  const feed = following();
  feed.send("c1", at(0));
  feed.fail(extensions);
  vi.advanceTimersByTime(200);
  expect(feed.afters()).toEqual(["start", "c1"]);
});

it("asks again when the gateway completes the feed", () => {
  const feed = following();
  feed.send("c1", at(0));
  feed.complete();
  vi.advanceTimersByTime(200);
  expect(feed.afters()).toEqual(["start", "c1"]);
});

it("lets go of a cursor the gateway does not know", () => {
  const feed = following();
  feed.fail({ code: "CURSOR_UNKNOWN" });
  vi.advanceTimersByTime(200);
  expect(feed.afters()).toEqual(["start", null]);
});

it.each([{ code: "BAD_USER_INPUT" }, { code: "FORBIDDEN" }])(
  "gives up on $code and says so",
  (extensions) => {
    const feed = following();
    feed.fail(extensions);
    vi.advanceTimersByTime(10_000);
    expect(feed.refusals).toEqual(["no"]);
    expect(feed.subscribes).toHaveLength(1);
  },
);

it("says so when the right to the feed is gone", () => {
  const feed = following();
  feed.send("c1", at(0));
  feed.fail({ code: "SUBSCRIPTION_ENDED", reason: "PERMISSION" });
  expect(feed.refusals).toEqual([]);
  vi.advanceTimersByTime(200);
  feed.fail({ code: "FORBIDDEN" });
  vi.advanceTimersByTime(10_000);
  expect(feed.refusals).toEqual(["no"]);
  expect(feed.afters()).toEqual(["start", "c1"]);
});

it("stays silent once stopped", () => {
  const feed = following();
  feed.complete();
  feed.stop();
  vi.advanceTimersByTime(10_000);
  expect(feed.subscribes).toHaveLength(1);
});
