import { expect, it } from "vitest";
import type { CaseConversationFragment, ConversationStatus } from "../gql/graphql";
import { type CaseFilter, casesOf, matches, titleOf } from "./caseRows";

const all: CaseFilter = {
  withEnded: false,
  statuses: new Set(),
  media: null,
  queueId: null,
  agentId: null,
  text: "",
};

function conversation(
  id: string,
  caseId: string,
  status: ConversationStatus,
  start: string,
  more: Partial<CaseConversationFragment> = {},
): CaseConversationFragment {
  return {
    conversationId: id,
    version: 1,
    calculatedStatus: status,
    conversationStart: `2026-11-23T${start}:00.000Z`,
    updatedAt: `2026-11-23T${start}:30.000Z`,
    activeMediaType: "VOICE",
    lastQueueId: "support",
    owner: null,
    context: [
      { id: `${id}-${caseId}`, key: "CASE", objectId: caseId, name: `C-${caseId} · Parcel` },
    ],
    ...more,
  } as CaseConversationFragment;
}

it("gathers conversations by case, open ones first, and newest first", () => {
  const cases = casesOf([
    conversation("d", "2", "ENDED", "12:00"),
    conversation("c", "1", "CONNECTED", "11:00"),
    conversation("b", "3", "ON_HOLD", "10:30"),
    conversation("a", "1", "ENDED", "10:00"),
  ]);
  expect(cases.map(({ objectId }) => objectId)).toEqual(["1", "3", "2"]);
  expect(cases[0]).toMatchObject({
    name: "C-1 · Parcel",
    lastActivityAt: "2026-11-23T11:00:30.000Z",
  });
  expect(cases[0]?.open.map(({ conversationId }) => conversationId)).toEqual(["c"]);
  expect(cases[0]?.ended.map(({ conversationId }) => conversationId)).toEqual(["a"]);
});

it("leaves out what is linked to no case, and counts a conversation with two links once", () => {
  const twice = conversation("a", "1", "CONNECTED", "10:00");
  twice.context = [...twice.context, ...twice.context];
  const party = conversation("b", "9", "CONNECTED", "10:00");
  party.context = [{ id: "x", key: "EXTERNALPARTY", objectId: "9", name: null }];
  const cases = casesOf([twice, party]);
  expect(cases.map(({ objectId, open }) => [objectId, open.length])).toEqual([["1", 1]]);
});

it("matches when one conversation fulfils everything asked", () => {
  const [row] = casesOf([
    conversation("b", "1", "CONNECTED", "11:00"),
    conversation("a", "1", "ENDED", "10:00", { lastQueueId: "sales" }),
  ]);
  if (!row) throw new Error("no case");
  const is = (filter: Partial<CaseFilter>) => matches(row, { ...all, ...filter });
  expect(is({})).toBe(true);
  expect(is({ statuses: new Set(["CONNECTED"]), queueId: "support" })).toBe(true);
  expect(is({ statuses: new Set(["CONNECTED"]), queueId: "sales" })).toBe(false);
  expect(is({ media: "EMAIL" })).toBe(false);
  expect(is({ text: "parcel" })).toBe(true);
  expect(is({ text: "invoice" })).toBe(false);
});

it("divides a case's name into number and subject", () => {
  expect(titleOf("C-1 · Parcel · lost", "1")).toEqual({ number: "C-1", subject: "Parcel · lost" });
  expect(titleOf(null, "1")).toEqual({ number: "Case 1", subject: "" });
});
