import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useLayoutEffect, useRef, useState } from "react";
import type { ConversationRowFragment } from "../gql/graphql";
import { ConversationTableRow } from "./ConversationTableRow";

interface Props {
  rows: readonly ConversationRowFragment[];
  loading: boolean;
  filtered: boolean;
}

/** A table of any length: only the rows near the window stand in the page. */
export function ConversationTable({ rows, loading, filtered }: Props) {
  const body = useRef<HTMLDivElement>(null);
  const [offset, setOffset] = useState(0);
  useLayoutEffect(() => setOffset(body.current?.offsetTop ?? 0), []);
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => 60,
    overscan: 8,
    scrollMargin: offset,
    getItemKey: (index) => rows[index]?.conversationId ?? index,
  });

  return (
    <div className="table" role="table" aria-label="Conversations" aria-rowcount={rows.length + 1}>
      <div role="rowgroup" className="table-head">
        <div role="row" className="row" aria-rowindex={1}>
          <span role="columnheader">Status</span>
          <span role="columnheader">Conversation</span>
          <span role="columnheader">Queue</span>
          <span role="columnheader">Owner</span>
          <span role="columnheader">Started</span>
        </div>
      </div>
      <div
        role="rowgroup"
        className="table-body"
        ref={body}
        style={{ height: virtual.getTotalSize() }}
      >
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index];
          return (
            row && (
              <ConversationTableRow
                key={item.key}
                ref={virtual.measureElement}
                index={item.index}
                top={item.start - offset}
                row={row}
              />
            )
          );
        })}
      </div>
      {rows.length === 0 && (
        <p className="table-empty">
          {loading
            ? "Reading the conversations…"
            : filtered
              ? "No open conversation has such a status now."
              : "No conversation is open. The next one appears here by itself."}
        </p>
      )}
    </div>
  );
}
