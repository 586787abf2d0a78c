import type { ConversationRowFragment, Membership } from "../gql/graphql";

export type Rows = ReadonlyMap<string, ConversationRowFragment>;

export interface RowChange {
  conversationId: string;
  version: number;
  membership: Membership;
  conversation?: ConversationRowFragment | null;
}

/** The rows after `changes`; the same map when nothing changed. What is older than a row is left out. */
export function applyChanges(rows: Rows, changes: readonly RowChange[]): Rows {
  const next = new Map(rows);
  let touched = false;
  for (const { conversationId, version, membership, conversation } of changes) {
    const known = next.get(conversationId);
    if (known && version < known.version) continue;
    if (membership === "LEFT" || !conversation) {
      touched = next.delete(conversationId) || touched;
    } else {
      next.set(conversationId, conversation);
      touched = true;
    }
  }
  return touched ? next : rows;
}

/** The rows after one page of the list was read. */
export function addPage(rows: Rows, page: readonly ConversationRowFragment[]): Rows {
  return applyChanges(
    rows,
    page.map((conversation) => ({
      conversationId: conversation.conversationId,
      version: conversation.version,
      membership: "STAYED",
      conversation,
    })),
  );
}

const startedAt = (row: ConversationRowFragment) => row.conversationStart ?? row.createdAt;

/** Newest start first, ties by id, as the gateway orders. */
export function ordered(rows: Rows): ConversationRowFragment[] {
  return [...rows.values()].sort((a, b) => {
    const [left, right] = [startedAt(a), startedAt(b)];
    if (left !== right) return left < right ? 1 : -1;
    return a.conversationId < b.conversationId ? -1 : 1;
  });
}
