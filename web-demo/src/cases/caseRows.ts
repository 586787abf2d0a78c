import { startedAt } from "../conversations/liveRows";
import type { CaseConversationFragment, MediaType } from "../gql/graphql";
import type { Status } from "../status/statuses";

/** A case as its conversations tell of it. */
export interface CaseRow {
  objectId: string;
  name: string | null;
  open: CaseConversationFragment[];
  ended: CaseConversationFragment[];
  lastActivityAt: string;
}

/** What a list of cases is narrowed to: one of a case's conversations fulfils all of it. */
export interface CaseFilter {
  /** Cases whose conversations are all over as well. */
  withEnded: boolean;
  statuses: ReadonlySet<Status>;
  media: MediaType | null;
  queueId: string | null;
  /** Who is in a conversation now, or with `withEnded` was: the gateway knows; a row does not. */
  agentId: string | null;
  text: string;
}

/** The cases of these conversations, newest first; those with an open conversation come before the rest. */
export function casesOf(conversations: readonly CaseConversationFragment[]): CaseRow[] {
  const cases = new Map<string, CaseRow>();
  for (const conversation of conversations) {
    for (const { key, objectId, name } of conversation.context) {
      if (key !== "CASE") continue;
      const known = cases.get(objectId) ?? empty(objectId);
      cases.set(objectId, known);
      const place = conversation.calculatedStatus === "ENDED" ? known.ended : known.open;
      if (!place.includes(conversation)) place.push(conversation);
      known.name ??= name ?? null;
      if (conversation.updatedAt > known.lastActivityAt) {
        known.lastActivityAt = conversation.updatedAt;
      }
    }
  }
  return [...cases.values()].sort(byRank);
}

const empty = (objectId: string): CaseRow => ({
  objectId,
  name: null,
  open: [],
  ended: [],
  lastActivityAt: "",
});

/** By the newest conversation's start, which never changes: rows don't jump while one reads them. */
function byRank(a: CaseRow, b: CaseRow): number {
  const [openA, openB] = [a.open.length > 0, b.open.length > 0];
  if (openA !== openB) return openA ? -1 : 1;
  const [left, right] = [newest(a), newest(b)];
  if (left !== right) return left < right ? 1 : -1;
  return a.objectId < b.objectId ? -1 : 1;
}

function newest({ open, ended }: CaseRow): string {
  const first = open[0] ?? ended[0];
  return first ? startedAt(first) : "";
}

export const mediumOf = (row: CaseConversationFragment) =>
  row.activeMediaType ?? row.originalMediaType ?? null;

/** Whether a case that the gateway has listed is to be shown. */
export function matches(row: CaseRow, filter: Omit<CaseFilter, "withEnded" | "agentId">): boolean {
  const { statuses, media, queueId, text } = filter;
  const wanted = text.trim().toLowerCase();
  if (wanted && !`${row.name ?? ""} ${row.objectId}`.toLowerCase().includes(wanted)) return false;
  if (statuses.size === 0 && !media && !queueId) return true;
  return [...row.open, ...row.ended].some(
    (conversation) =>
      (statuses.size === 0 || statuses.has(conversation.calculatedStatus)) &&
      (!media || mediumOf(conversation) === media) &&
      (!queueId || conversation.lastQueueId === queueId),
  );
}

/** `C-2026-4107 · Damaged parcel` as its number and its subject. */
export function titleOf(
  name: string | null,
  objectId: string,
): { number: string; subject: string } {
  const [number, ...subject] = (name ?? `Case ${objectId}`).split(" · ");
  return { number: number ?? "", subject: subject.join(" · ") };
}
