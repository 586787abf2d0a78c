import { expect, it } from "vitest";
import type { ConversationDetailFragment, ConversationStatus } from "../gql/graphql";
import { kindOf, lanesOf, nameOf, type Participant, spanOf, stretchesOf } from "./timeline";

const start = Date.parse("2026-11-23T10:00:00.000Z");
const at = (seconds: number) => new Date(start + seconds * 1000).toISOString();
const now = start + 60_000;

function participant(
  purposeName: string,
  name: string,
  connected: number | null,
  ended: number | null,
  more: Partial<Participant> = {},
): Participant {
  const staff = purposeName === "agent";
  return {
    id: name,
    participantId: name,
    purpose: staff ? "AGENT" : purposeName === "customer" ? "CUSTOMER" : "SYSTEM",
    purposeName,
    name: staff ? name : null,
    queueName: purposeName === "acd" ? name : null,
    userId: staff ? name : null,
    active: ended === null,
    connectedTime: connected === null ? null : at(connected),
    endTime: ended === null ? null : at(ended),
    alertSeconds: 0,
    dialSeconds: 0,
    acwSeconds: 0,
    ...more,
  } as Participant;
}

function conversation(history: [ConversationStatus, number][], participants: Participant[]) {
  return {
    participants,
    calculatedStatus: history.at(-1)?.[0],
    conversationEnd: null,
    statusHistory: {
      nodes: history.map(([status, seconds], index) => ({
        number: index + 1,
        status,
        occurredAt: at(seconds),
        cause: "GENESYS_EVENT",
        gapBefore: false,
      })),
    },
  } as unknown as ConversationDetailFragment;
}

const transferred = conversation(
  [
    ["WAITING_IN_QUEUE", 0],
    ["ALERTING", 10],
    ["CONNECTED", 14],
    ["TRANSFERRING", 30],
    ["WAITING_IN_QUEUE", 31],
    ["CONNECTED", 40],
  ],
  [
    participant("customer", "", 0, null),
    participant("acd", "Support", 0, 14),
    participant("agent", "Ada", 14, 30, { alertSeconds: 4 }),
    participant("acd", "Billing", 31, 40),
    participant("agent", "Bruno", 40, null),
  ],
);

it("says of each status who had it and for how long", () => {
  const told = stretchesOf(transferred, now).map(({ status, from, to, who }) => [
    status,
    (to - from) / 1000,
    who.join(),
  ]);
  expect(told).toEqual([
    ["WAITING_IN_QUEUE", 10, "Support"],
    ["ALERTING", 4, "Ada"],
    ["CONNECTED", 16, "Ada"],
    ["TRANSFERRING", 1, ""],
    ["WAITING_IN_QUEUE", 9, "Billing"],
    ["CONNECTED", 20, "Bruno"],
  ]);
});

it("ends where the conversation ended", () => {
  const ended = conversation(
    [
      ["CONNECTED", 0],
      ["AFTER_CALL_WORK", 20],
      ["ENDED", 25],
    ],
    [participant("agent", "Ada", 0, 20, { acwSeconds: 5 })],
  );
  const stretches = stretchesOf(ended, now);
  expect(stretches.map(({ from, to }) => (to - from) / 1000)).toEqual([20, 5, 0]);
  expect(stretches[1]?.who).toEqual(["Ada"]);
});

it("gives everybody but the customer a lane, from the first ring on", () => {
  const lanes = lanesOf(transferred, now);
  expect(lanes.map(({ name }) => name)).toEqual(["Support", "Ada", "Billing", "Bruno"]);
  expect(lanes[1]).toMatchObject({ from: start + 10_000, connected: start + 14_000 });
  expect(lanes[3]?.to).toBe(now);
  expect(spanOf(stretchesOf(transferred, now), lanes)).toEqual({ from: start, to: now });
});

it("calls everybody by name and kind, never by Genesys' word for a queue", () => {
  const called = [
    participant("acd", "Support", 0, 14),
    participant("agent", "Ada", 14, 30),
    participant("ivr", "", 0, 1),
    participant("customer", "", 0, null),
    participant("fax", "", 0, null),
  ].map((each) => [nameOf(each), kindOf(each)]);
  expect(called).toEqual([
    ["Support", "Queue"],
    ["Ada", "Agent"],
    ["IVR", "IVR"],
    ["Customer", "Customer"],
    ["fax", "fax"],
  ]);
});
