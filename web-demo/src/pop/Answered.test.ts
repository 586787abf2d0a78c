import { expect, it } from "vitest";
import type { PopConversationFragment } from "../gql/graphql";
import { Answered, popOf } from "./Answered";

type Link = PopConversationFragment["context"][number];
type Party = PopConversationFragment["participants"][number];

const link = (key: Link["key"], objectId: string, verb: Link["verb"]): Link =>
  ({ id: objectId, key, objectId, verb, name: `${key} ${objectId}` }) as Link;
const agent = (id: string, userId: string, connectedTime: string | null, active = true): Party =>
  ({ id, userId, connectedTime, active }) as Party;
const at = "2026-11-23T10:00:00.000Z";

function conversation(
  participants: Party[],
  context: Link[] = [link("CASE", "7", "INITIAL")],
  target: PopConversationFragment["initialScreenPopTarget"] = "CASE",
) {
  return {
    conversationId: "c",
    initialScreenPopTarget: target,
    participants,
    context,
  } as PopConversationFragment;
}

it("opens once when the agent answers, not when the phone rings", () => {
  const answered = new Answered("ada");
  expect(answered.take(conversation([agent("p1", "ada", null)]))).toBeNull();
  expect(answered.take(conversation([agent("p1", "ada", at)]))?.page).toBe("/cases/7");
  expect(answered.take(conversation([agent("p1", "ada", at)]))).toBeNull();
});

it("opens again when the conversation comes back by a transfer", () => {
  const answered = new Answered("ada");
  answered.skip(conversation([agent("p1", "ada", at)]));
  const others = [agent("p1", "ada", at, false), agent("p2", "bruno", at)];
  expect(answered.take(conversation(others))).toBeNull();
  expect(answered.take(conversation([...others, agent("p3", "ada", at)]))).not.toBeNull();
});

it("opens the page of the initial target, else the conversation's", () => {
  const links = [link("CASE", "7", "UPDATED"), link("EXTERNALPARTY", "3", "INITIAL")];
  expect(popOf(conversation([], links, "EXTERNALPARTY"))).toMatchObject({
    page: "/parties/3",
    title: "EXTERNALPARTY 3",
  });
  expect(popOf(conversation([], links, "TASK")).page).toBe("/conversations/c");
  expect(popOf(conversation([], [], null)).page).toBe("/conversations/c");
});
