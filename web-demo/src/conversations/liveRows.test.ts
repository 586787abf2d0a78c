import { describe, expect, it } from "vitest";
import type { ConversationRowFragment, ConversationStatus } from "../gql/graphql";
import { addPage, applyChanges, ordered, type RowChange, type Rows } from "./liveRows";

const row = (id: string, version = 1, status: ConversationStatus = "CONNECTED", start = "10:00") =>
  ({
    conversationId: id,
    version,
    calculatedStatus: status,
    conversationStart: `2026-11-23T${start}:00.000Z`,
  }) as ConversationRowFragment;

const change = (
  conversation: ConversationRowFragment,
  membership: RowChange<ConversationRowFragment>["membership"],
): RowChange<ConversationRowFragment> => ({
  conversationId: conversation.conversationId,
  version: conversation.version,
  membership,
  conversation,
});

const rowsOf = (...rows: ConversationRowFragment[]): Rows<ConversationRowFragment> =>
  new Map(rows.map((each) => [each.conversationId, each]));

describe("applyChanges", () => {
  it("adds what entered, renews what stayed, drops what left", () => {
    const before = rowsOf(row("a"), row("b"));
    const after = applyChanges(before, [
      change(row("c"), "ENTERED"),
      change(row("a", 2, "ON_HOLD"), "STAYED"),
      change(row("b", 2, "ENDED"), "LEFT"),
    ]);
    expect([...after.keys()]).toEqual(["a", "c"]);
    expect(after.get("a")?.calculatedStatus).toBe("ON_HOLD");
  });

  it("leaves out what is older than the row", () => {
    const before = rowsOf(row("a", 5));
    const stale = [change(row("a", 4, "ALERTING"), "STAYED"), change(row("a", 4), "LEFT")];
    expect(applyChanges(before, stale)).toBe(before);
  });

  it("drops a row that may no longer be seen", () => {
    const left = {
      conversationId: "a",
      version: 2,
      membership: "LEFT",
      conversation: null,
    } as const;
    expect(applyChanges(rowsOf(row("a")), [left]).size).toBe(0);
  });

  it("keeps untouched rows the same objects", () => {
    const before = rowsOf(row("a"), row("b"));
    const after = applyChanges(before, [change(row("b", 2), "STAYED")]);
    expect(after.get("a")).toBe(before.get("a"));
  });
});

it("a page read later never takes a newer change back", () => {
  const rows = addPage(rowsOf(row("a", 7, "ON_HOLD")), [row("a", 6), row("b", 1)]);
  expect(rows.get("a")?.calculatedStatus).toBe("ON_HOLD");
  expect(rows.has("b")).toBe(true);
});

it("orders by start, newest first, then by id", () => {
  const rows = rowsOf(
    row("b", 1, "CONNECTED", "10:00"),
    row("a", 1, "CONNECTED", "10:00"),
    row("z", 1, "CONNECTED", "11:00"),
  );
  expect(ordered(rows).map((each) => each.conversationId)).toEqual(["z", "a", "b"]);
});
