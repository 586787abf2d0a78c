import { useMemo } from "react";
import { useSearchParams } from "wouter";
import { type Status, statuses } from "../status/statuses";
import { ConversationTable } from "./ConversationTable";
import { openConversations } from "./operations";
import { StatusFilter } from "./StatusFilter";
import { useLiveList } from "./useLiveList";

const isStatus = (word: string): word is Status => word in statuses;

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
      {error && (
        <p className="notice notice-bad" role="alert">
          The list could not be read: {error}
        </p>
      )}
      <ConversationTable rows={shown} loading={loading} filtered={chosen.size > 0} />
    </div>
  );
}
