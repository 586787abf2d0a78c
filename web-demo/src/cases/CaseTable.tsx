import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useLayoutEffect, useRef, useState } from "react";
import { CaseTableRow } from "./CaseTableRow";
import type { CaseRow } from "./caseRows";

interface Props {
  rows: readonly CaseRow[];
  loading: boolean;
  filtered: boolean;
}

/** A table of any length: only the rows near the window stand in the page. */
export function CaseTable({ rows, loading, filtered }: Props) {
  const body = useRef<HTMLDivElement>(null);
  const [offset, setOffset] = useState(0);
  useLayoutEffect(() => setOffset(body.current?.offsetTop ?? 0));
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => 68,
    overscan: 8,
    scrollMargin: offset,
    getItemKey: (index) => rows[index]?.objectId ?? index,
  });

  return (
    <div className="table" role="table" aria-label="Cases" aria-rowcount={rows.length + 1}>
      <div role="rowgroup" className="table-head">
        <div role="row" className="row row-case" aria-rowindex={1}>
          <span role="columnheader">Case</span>
          <span role="columnheader">Conversations</span>
          <span role="columnheader">Queue</span>
          <span role="columnheader">Owner</span>
          <span role="columnheader">Activity</span>
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
              <CaseTableRow
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
            ? "Reading the cases…"
            : filtered
              ? "No case matches the filter now."
              : "No case has a conversation yet. The next one appears here by itself."}
        </p>
      )}
    </div>
  );
}
