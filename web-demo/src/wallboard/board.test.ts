import { expect, it } from "vitest";
import type { ConversationStatus } from "../gql/graphql";
import { type Count, linesOf, withSample } from "./board";

const count = (
  queueId: string,
  status: ConversationStatus,
  number: number,
  oldestSince: string | null = null,
): Count => ({ queueId, queueName: `Queue ${queueId}`, status, count: number, oldestSince });

it("gives each queue a line and all of them a sum, with the longest wait", () => {
  const at = (minute: number) => `2026-11-23T10:0${minute}:00.000Z`;
  const counts = [
    count("b", "WAITING_IN_QUEUE", 2, at(3)),
    count("a", "WAITING_IN_QUEUE", 1, at(1)),
    count("a", "CONNECTED", 4, at(0)),
    count("a", "IN_FLOW", 1, at(0)),
    { queueId: null, queueName: null, status: "DIALING" as const, count: 1, oldestSince: null },
  ];
  const { lines, sum } = linesOf(counts, new Map([["c", "Queue c"]]));
  expect(lines.map(({ name, total }) => [name, total])).toEqual([
    ["Queue a", 6],
    ["Queue b", 2],
    ["Queue c", 0],
    ["No queue", 1],
  ]);
  expect(sum).toMatchObject({ waiting: 3, ringing: 1, talking: 4, other: 1, total: 9 });
  expect(sum.longestSince).toBe(Date.parse(at(1)));
});

it("keeps the newest samples whole and thins out the older ones", () => {
  let samples: { at: number; waiting: number; busy: number }[] = [];
  for (let at = 0; at < 100; at += 1)
    samples = withSample(samples, { at, waiting: 0, busy: 0 }, 20);
  expect(samples.length).toBeLessThanOrEqual(20);
  expect(samples[0]?.at).toBe(0);
  expect(samples.slice(-5).map(({ at }) => at)).toEqual([95, 96, 97, 98, 99]);
});
