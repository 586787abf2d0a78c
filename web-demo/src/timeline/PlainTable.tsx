import type { ReactNode } from "react";

interface Props {
  label: string;
  columns: readonly string[];
  /** The columns behind them, which hold numbers. */
  numbers: readonly string[];
  children: ReactNode;
}

/** A table that scrolls sideways where it is too wide; `children` are its rows. */
export function PlainTable({ label, columns, numbers, children }: Props) {
  return (
    <section className="scroll-x" aria-label={label} tabIndex={0}>
      <table className="plain-table">
        <caption className="visually-hidden">{label}</caption>
        <thead>
          <tr>
            {columns.map((words) => (
              <th scope="col" key={words}>
                {words}
              </th>
            ))}
            {numbers.map((words) => (
              <th scope="col" key={words} className="number">
                {words}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </section>
  );
}
