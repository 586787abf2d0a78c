import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, type Ref, useLayoutEffect, useRef, useState } from "react";

/** Where a row stands; each row hands it on to its `TableRow`. */
export interface RowPlace {
  ref: Ref<HTMLDivElement>;
  index: number;
  top: number;
}

interface Props<TRow> {
  label: string;
  columns: readonly string[];
  rows: readonly TRow[];
  keyOf: (row: TRow) => string;
  /** A row's height before it was measured. */
  rowHeight: number;
  /** Gives the columns their widths. */
  rowClass?: string;
  /** What to say when there is no row. */
  empty: string;
  children: (row: TRow, place: RowPlace) => ReactNode;
}

/** A table of any length: only the rows near the window stand in the page. */
export function LongTable<TRow>(props: Props<TRow>) {
  const { label, columns, rows, keyOf, rowHeight, rowClass = "", empty, children } = props;
  const body = useRef<HTMLDivElement>(null);
  const [offset, setOffset] = useState(0);
  // What stands above may grow and shrink with every render.
  useLayoutEffect(() => setOffset(body.current?.offsetTop ?? 0));
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => rowHeight,
    overscan: 8,
    scrollMargin: offset,
    getItemKey: (index) => (rows[index] ? keyOf(rows[index]) : index),
  });

  return (
    <div className="table" role="table" aria-label={label} aria-rowcount={rows.length + 1}>
      <div role="rowgroup" className="table-head">
        <div role="row" className={`row ${rowClass}`} aria-rowindex={1}>
          {columns.map((column) => (
            <span role="columnheader" key={column}>
              {column}
            </span>
          ))}
        </div>
      </div>
      <div
        role="rowgroup"
        className="table-body"
        ref={body}
        style={{ height: virtual.getTotalSize() }}
      >
        {virtual.getVirtualItems().map(({ index, start }) => {
          const row = rows[index];
          return row && children(row, { ref: virtual.measureElement, index, top: start - offset });
        })}
      </div>
      {rows.length === 0 && <p className="table-empty">{empty}</p>}
    </div>
  );
}

interface RowProps {
  place: RowPlace;
  className?: string;
  /** What a test finds the row by. */
  data: Record<`data-${string}`, string>;
  children: ReactNode;
}

export function LongTableRow({ place, className = "", data, children }: RowProps) {
  const { ref, index, top } = place;
  return (
    <div
      {...data}
      role="row"
      className={`row row-placed ${className}`}
      ref={ref}
      data-index={index}
      aria-rowindex={index + 2}
      style={{ transform: `translateY(${top}px)` }}
    >
      {children}
    </div>
  );
}

/** `name` gives the cell its look. */
export function LongTableCell({ name, children }: { name: string; children: ReactNode }) {
  return (
    <span role="cell" className={`cell-${name}`}>
      {children}
    </span>
  );
}
