import { useMemo } from "react";
import { useSearchParams } from "wouter";
import { isStatus, type Status } from "../status/statuses";
import { ConversationTable } from "./ConversationTable";
import { openConversations } from "./operations";
import { ReadError } from "./ReadError";
import { StatusFilter } from "./StatusFilter";
import { useLiveList } from "./useLiveList";

export default function ConversationsPage() {
  const { rows, loading, error } = useLiveList(openConversations);
  const [search, setSearch] = useSearchParams();
  const asked = search.get("status") ?? "";
  const chosen = useMemo(() => new Set(asked.split(",").filter(isStatus)), [asked]);
  const shown = chosen.size ? rows.filter((row) => chosen.has(row.calculatedStatus)) : rows;

  const choose = (next: ReadonlySet<Status>) => {
    setSearch(next.size ? { status: [...next].join(",") } : {}, { replace: true });
  };

  return (
    <div className="page">
      <div className="page-head">
        <h1>Open conversations</h1>
        <p className="page-count" data-testid="count">
          {loading ? "…" : rows.length}
        </p>
      </div>
      <StatusFilter rows={rows} chosen={chosen} onChoose={choose} />
      <ReadError what="list" error={error} />
      <ConversationTable rows={shown} empty={emptyWords(loading, chosen.size > 0)} />
    </div>
  );
}

function emptyWords(loading: boolean, filtered: boolean): string {
  if (loading) return "Reading the conversations…";
  return filtered
    ? "No open conversation has such a status now."
    : "No conversation is open. The next one appears here by itself.";
}
