import type { Membership } from "../gql/graphql";

/** The least that a list must know of a conversation, whatever else it shows. */
export interface LiveRow {
  conversationId: string;
  version: number;
  conversationStart?: string | null;
  createdAt: string;
}

export type Rows<TRow extends LiveRow> = ReadonlyMap<string, TRow>;

export interface RowChange<TRow extends LiveRow> {
  conversationId: string;
  version: number;
  membership: Membership;
  conversation?: TRow | null;
}

/** The rows after `changes`; the same map when nothing changed. What is older than a row is left out. */
export function applyChanges<TRow extends LiveRow>(
  rows: Rows<TRow>,
  changes: readonly RowChange<TRow>[],
): Rows<TRow> {
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
export function addPage<TRow extends LiveRow>(rows: Rows<TRow>, page: readonly TRow[]): Rows<TRow> {
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

export const startedAt = (row: LiveRow) => row.conversationStart ?? row.createdAt;

/** Newest start first, ties by id, as the gateway orders. */
export function ordered<TRow extends LiveRow>(rows: Rows<TRow>): TRow[] {
  return [...rows.values()].sort((a, b) => {
    const [left, right] = [startedAt(a), startedAt(b)];
    if (left !== right) return left < right ? 1 : -1;
    return a.conversationId < b.conversationId ? -1 : 1;
  });
}
